import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { median } from "simple-statistics";
import { compile, type ProgramTensor } from "../../src/engine";
import { readJson } from "../../src/io";
import { type LabelledBatch, linearChain, meanLoss } from "../../src/models";
import { DEFAULT_LORA, loraAName, loraBName, loraLink } from "../../src/models/lora";
import { parameterShapes, parseT5Config, t5, type T5Config } from "../../src/models/t5";
import { Random } from "../../src/random";
import { quick, round, type Bench } from "./bench";
import { NO_PEER, peerBlas, runPeer } from "./peer";
import { matrixProduct } from "./roofline/product";
import { FLAN_T5_SMALL } from "./shapes/flan-t5-small";
import { t5Operations } from "./shapes/operations";

const THREADS = 2;

/** What is trained, and on what. `lora` has rank 16 on every projection, with all dropouts, as the peer. */
interface Work {
  trained: "all" | "lora";
  batch: number;
  encoder: number;
  decoder: number;
  layers: number;
}

/** Where the cost grows. */
const growing = (base: Work): Work[] => [
  ...[1, 2, 4].map((batch) => ({ ...base, batch })),
  ...[64, 256].map((encoder) => ({ ...base, encoder })),
  ...[2, 4].map((layers) => ({ ...base, layers })),
];

const bench: Bench = {
  description:
    "forward and backward of FLAN-T5 Small's shapes, beside the best matrix product of the same minutes",
  async run(report) {
    const base = { trained: "all", batch: 8, encoder: 112, decoder: 96, layers: 8 } as const;
    const grid: Work[] = [{ ...base, trained: "lora" }, base, ...(quick ? [] : growing(base))];
    const roofline = await matrixProduct(THREADS);
    const rows = [];
    for (const work of grid) {
      report(JSON.stringify(work));
      const step = await trainingStep(work);
      const times: number[] = [];
      const rates: number[] = [];
      for (let i = 0; i < 3; i++) {
        rates.push(await roofline.rate());
        times.push(await step.time());
      }
      await step.dispose();
      const seconds = median(times);
      const best = median(rates);
      const { batch, encoder, decoder } = work;
      const trained = work.trained === "lora" ? { rank: 16 } : "all";
      const gflop = t5Operations(configOf(work), { batch, encoder, decoder }, trained) / 1e9;
      rows.push({
        ...work,
        gflop: round(gflop),
        seconds: round(seconds),
        tokensPerSecond: round((work.batch * (work.encoder + work.decoder)) / seconds),
        gflopPerSecond: round(gflop / seconds),
        rooflineGflopPerSecond: round(best),
        shareOfRoofline: round(gflop / seconds / best),
        compileSeconds: round(step.compileSeconds),
        peakResidentMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      });
    }
    await roofline.dispose();
    return {
      threads: THREADS,
      rows,
      percentOfTime: await shares({ ...base, trained: "lora" }),
      peer: await besidePeer(report),
    };
  },
};
export default bench;

/**
 * The peer (PyTorch, LoRA with its dropouts, batches of 8 padded to their longest) and this project's step on batches of the
 * same shapes, in turns. Forward and backward of both, without the update.
 */
async function besidePeer(report: (message: string) => void): Promise<unknown> {
  const rounds = [];
  for (let i = 0; i < 3; i++) {
    report(`beside the peer, ${i + 1} of 3`);
    const options = [
      "--config",
      "lora",
      "--lengths",
      "real",
      "--batch",
      "8",
      "--fast-dropout",
      "--seed",
      `${123 + i}`,
    ];
    const peer = runPeer<{
      encoder_padded_to: number[];
      step_s: number[];
      forward_backward_update_s: [number, number, number];
      peak_rss_mib: number;
      other_cpus: number;
    }>(["train", ...options, "--steps", 3, "--warmup", 1]);
    if (!peer) return NO_PEER;
    const ours: number[] = [];
    for (const encoder of peer.encoder_padded_to.slice(1)) {
      const step = await trainingStep({ trained: "lora", batch: 8, encoder, decoder: 96, layers: 8 });
      ours.push(await step.time());
      await step.dispose();
    }
    const theirs = median(peer.step_s) - peer.forward_backward_update_s[2];
    rounds.push({
      encoderLengths: peer.encoder_padded_to.slice(1),
      peerSeconds: round(theirs),
      seconds: round(median(ours)),
      timesFaster: round(theirs / median(ours)),
      peerPeakResidentMiB: peer.peak_rss_mib,
      otherCpus: peer.other_cpus,
    });
  }
  return { ...peerBlas(), rounds, timesFaster: round(median(rounds.map(({ timesFaster }) => timesFaster))) };
}

/** The percentage of a step's time that each kind of operation takes, by ONNX Runtime's profile. */
async function shares(work: Work): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "bench-training-step-"));
  try {
    const step = await trainingStep(work, join(folder, "profile"));
    await step.time();
    await step.dispose();
    const events = readJson(join(folder, readdirSync(folder)[0]!)) as {
      cat: string;
      name: string;
      dur: number;
      args?: { op_name?: string };
    }[];
    const times = new Map<string, number>();
    for (const { cat, name, dur, args } of events) {
      if (cat !== "Node" || !name.endsWith("_kernel_time") || !args?.op_name) continue;
      const kind = /MatMul|Gemm/.test(args.op_name) ? "matrix products" : args.op_name;
      times.set(kind, (times.get(kind) ?? 0) + dur);
    }
    const all = [...times.values()].reduce((sum, time) => sum + time, 0);
    const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, 8);
    return Object.fromEntries(sorted.map(([kind, time]) => [kind, round((100 * time) / all)]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
const random = new Random(1);

function floats(shape: readonly number[], scale: number): ProgramTensor {
  const data = Float32Array.from({ length: count(shape) }, () => scale * (2 * random.uniform() - 1));
  return { dtype: "float32", shape, data };
}

function integers(shape: readonly number[], bound: number): ProgramTensor {
  const data = Int32Array.from({ length: count(shape) }, () => 3 + random.integer(bound - 3));
  return { dtype: "int32", shape, data };
}

const weights: Record<string, ProgramTensor> = {};

function configOf({ layers }: Work): T5Config {
  return parseT5Config({ ...FLAN_T5_SMALL, num_layers: layers });
}

/** A compiled forward and backward pass, warm, whose gradients go to the same memory at every run. */
async function trainingStep(work: Work, profile?: string) {
  const config = configOf(work);
  const shapes = parameterShapes(config);
  const frozen = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      return [name, (weights[name] ??= floats(shape, name.includes("norm") ? 1 : 0.05))];
    }),
  );
  const lora = { ...DEFAULT_LORA, rank: 16, alpha: 32, dropout: 0.05 };
  const adapters = Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) => {
      const module = name.replace(/\.weight$/, "");
      if (!/\.(q|k|v|o|wi_0|wi_1|wo)$/.test(module)) return [];
      return [
        [loraAName(module), floats([lora.rank, shape[1]!], 0.05)],
        [loraBName(module), floats([shape[0]!, lora.rank], 0.05)],
      ];
    }),
  );
  const trained = work.trained === "lora" ? adapters : frozen;
  const names = Object.keys(trained);
  const batch = {
    inputIds: integers([work.batch, work.encoder], config.vocabSize),
    attentionMask: {
      ...integers([work.batch, work.encoder], 4),
      data: new Int32Array(work.batch * work.encoder).fill(1),
    },
    labels: integers([work.batch, work.decoder], config.vocabSize),
  };
  const start = performance.now();
  const inputs = { frozen: work.trained === "lora" ? frozen : {}, trained, batch };
  const program = await compile(
    ({ frozen, trained, batch }) => {
      const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
        const parameters = { ...frozen, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) };
        const hooks =
          work.trained === "lora"
            ? { training: true, linear: linearChain(parameters, loraLink(parameters, lora)) }
            : {};
        return meanLoss(t5(config, parameters, hooks), batch as unknown as LabelledBatch);
      })(names.map((name) => trained[name]!));
      return {
        loss: value as tf.Tensor,
        gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
      };
    },
    inputs,
    { threads: THREADS, ...(profile ? { profile } : {}) },
  );
  const compileSeconds = (performance.now() - start) / 1000;
  const gradients = Object.fromEntries(
    Object.entries(trained).map(([name, { shape }]) => {
      return [name, { dtype: "float32", shape, data: new Float32Array(count(shape)) } as ProgramTensor];
    }),
  );
  let step = 0;
  const time = async () => {
    const start = performance.now();
    const { loss } = await program.run(inputs, { into: { gradients }, noise: { seed: 1, step: step++ } });
    if (!Number.isFinite(loss.data[0])) throw new Error(`the loss is ${loss.data[0]}`);
    return (performance.now() - start) / 1000;
  };
  await time();
  return { compileSeconds, time, dispose: () => program.dispose() };
}
