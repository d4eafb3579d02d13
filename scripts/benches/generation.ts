import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine";
import { openModelDirectory, writeModelDirectory } from "../../src/models/pretrained";
import { parameterShapes, parseT5Config, t5Architecture, type T5Config } from "../../src/models/t5";
import { padBatch } from "../../src/models/tokenizer";
import { Random } from "../../src/random";
import { float32Tensor, type HostTensor } from "../../src/tensors";
import { type Bench, type BenchResults, quick, repeat, round } from "./bench";
import type { Case, Measured } from "./generation/measure";
import { NO_PEER, peerBlas, runPeer } from "./peer";
import { FLAN_T5_SMALL } from "./shapes/flan-t5-small";

const SMALL: T5Config = parseT5Config(FLAN_T5_SMALL);

/** Batch, encoder length and new tokens: beside the peer, and where the cost grows. */
const compared = [
  [16, 128, 96],
  [1, 128, 96],
  [4, 128, 96],
] as const;
const growing = [
  [32, 128, 96],
  [16, 32, 96],
  [16, 256, 96],
  [16, 128, 24],
  [16, 128, 192],
] as const;

const bench: Bench = {
  description:
    "greedy generation with FLAN-T5 Small's shapes and random weights on two threads, beside PyTorch where ../shared/peer is",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "bench-generation-"));
    try {
      report("a model with random weights");
      writeModelDirectory(folder, { architecture: t5Architecture, ...randomModel() });
      const roofline = await bestMatMul();
      const rows: BenchResults["rows"] = [];
      for (const [batch, encoder, newTokens] of [...compared, ...(quick ? [] : growing)]) {
        const isCompared = rows.length < 2 * compared.length;
        const peer = isCompared ? measurePeer({ batch, encoder, newTokens }) : undefined;
        for (const weights of ["float32", "int8"] as const) {
          report(`batch ${batch}, encoder ${encoder}, ${newTokens} new tokens, ${weights}`);
          const measured = measureOurs({ directory: folder, weights, batch, encoder, newTokens, runs: 3 });
          const seconds = [...measured.seconds].sort((a, b) => a - b)[1]!;
          const tokensPerSecond = (batch * newTokens) / seconds;
          rows.push({
            batch,
            encoder,
            newTokens,
            weights,
            tokensPerSecond: round(tokensPerSecond),
            firstTokenMs: round(measured.firstTokenMs),
            stepMs: round(measured.stepMs),
            shareOfRoofline: round(operations({ batch, encoder, newTokens }) / seconds / roofline),
            loadSeconds: round(measured.loadSeconds),
            peakRssMiB: round(measured.peakRssMiB),
            peerTokensPerSecond: peer?.tokens_per_s ?? null,
            peerPeakRssMiB: peer?.peak_rss_mib ?? null,
            timesPeer: peer ? round(tokensPerSecond / peer.tokens_per_s) : null,
          });
        }
      }
      report("8-bit weights against 32-bit ones");
      return {
        rows,
        rooflineGflops: round(roofline / 1e9),
        peer: peerBlas() ?? NO_PEER,
        int8: await compareInt8(folder),
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** Random weights with the spreads of T5's initialisation, which keep activations and attention scores near 1. */
function randomModel(): { config: T5Config; parameters: Map<string, HostTensor<"float32">> } {
  const random = new Random(1);
  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of Object.entries(parameterShapes(SMALL))) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const scores = name.endsWith(".q.weight") ? SMALL.dKv ** -0.5 : 1;
    const spread = name === "shared.weight" ? 1 : scores * shape[1]! ** -0.5;
    for (let i = 0; i < data.length; i++) {
      data[i] = name.includes("layer_norm") ? 1 : spread * Math.sqrt(12) * (random.uniform() - 0.5);
    }
    parameters.set(name, float32Tensor(shape, data));
  }
  return { config: SMALL, parameters };
}

/** Floating-point operations per second of ONNX Runtime's best product of the model's shapes, [2048, 512] · [512, 1024]. */
async function bestMatMul(): Promise<number> {
  const [rows, inner, columns] = [2048, 512, 1024];
  const spec = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
  const program = await compile(
    ({ a, b }) => ({ c: tf.matMul(a, b) }),
    { a: spec(rows, inner), b: spec(inner, columns) },
    { threads: 2 },
  );
  const filled = (...shape: number[]) =>
    float32Tensor(shape, new Float32Array(shape[0]! * shape[1]!).fill(0.5));
  const inputs = { a: filled(rows, inner), b: filled(inner, columns) };
  const { min } = await repeat(40, () => program.run(inputs));
  await program.dispose();
  return (2 * rows * inner * columns) / (min / 1000);
}

/** Floating-point operations of the matrix products with weights. */
function operations({
  batch,
  encoder,
  newTokens,
}: {
  batch: number;
  encoder: number;
  newTokens: number;
}): number {
  const { dModel, dKv, dFf, numHeads, numLayers, numDecoderLayers, vocabSize } = SMALL;
  const projection = dModel * dKv * numHeads;
  const feedForward = 3 * dModel * dFf;
  const encoderToken = numLayers * (4 * projection + feedForward) + numDecoderLayers * 2 * projection;
  const decoderToken = numDecoderLayers * (6 * projection + feedForward) + dModel * vocabSize;
  return 2 * batch * (encoder * encoderToken + newTokens * decoderToken);
}

function measureOurs(options: Case): Measured {
  const script = join(__dirname, "generation/measure.ts");
  const output = execFileSync(process.execPath, ["--require", "tsx/cjs", script, JSON.stringify(options)]);
  return JSON.parse(output.toString()) as Measured;
}

/** What the peer prints for the same work, or undefined where it cannot run. */
function measurePeer({
  batch,
  encoder,
  newTokens,
}: {
  batch: number;
  encoder: number;
  newTokens: number;
}): { tokens_per_s: number; peak_rss_mib: number } | undefined {
  const sizes = ["--batch", batch, "--encoder", encoder, "--new-tokens", newTokens];
  return runPeer(["generate", ...sizes, "--steps", 3]);
}

/**
 * How far 8-bit weights are from 32-bit ones when both read the tokens that the latter generate: the error of the logits
 * relative to their spread, and how often the best token is the same.
 */
async function compareInt8(directory: string): Promise<Record<string, number>> {
  const random = new Random(5);
  const batch = padBatch(
    Array.from({ length: 8 }, () => Array.from({ length: 64 }, () => 3 + random.integer(31997))),
    0,
  );
  const start = async (weights: "float32" | "int8") => {
    const model = openModelDirectory(directory);
    const generator = await model.architecture.createGenerator(model, { weights, threads: 2 });
    model.close();
    return { generator, decoder: await generator.startDecoder(batch, 1, 24) };
  };
  const [exact, rounded] = [await start("float32"), await start("int8")];
  let tokens: Int32Array = new Int32Array(8);
  let [same, squares, errors, count] = [0, 0, 0, 0];
  for (let step = 0; step < 24; step++) {
    const a = await exact.decoder.nextLogits(tokens);
    const b = await rounded.decoder.nextLogits(tokens);
    const width = a.length / 8;
    const best = (logits: Float32Array, row: number) => {
      const own = logits.subarray(row * width, (row + 1) * width);
      return own.indexOf(own.reduce((x, y) => Math.max(x, y)));
    };
    for (let i = 0; i < a.length; i++) {
      squares += a[i]! ** 2;
      errors += (a[i]! - b[i]!) ** 2;
    }
    tokens = Int32Array.from({ length: 8 }, (_, row) => best(a, row));
    same += tokens.filter((token, row) => token === best(b, row)).length;
    count += 8;
  }
  for (const { generator } of [exact, rounded]) await generator.dispose();
  return { relativeLogitError: round(Math.sqrt(errors / squares)), sameBestToken: round(same / count) };
}
