import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { quantileSorted } from "simple-statistics";
import { architectureOf } from "../../src/models/architectures";
import type { GenerativeModel } from "../../src/models/generative";
import { openCheckpoint, writeModelDirectory } from "../../src/models/pretrained";
import { padBatch } from "../../src/models/tokenizer";
import { Random } from "../../src/random";
import { float32Tensor, type HostTensor } from "../../src/tensors";
import { type Bench, type BenchResults, round } from "./bench";
import { SMOLLM2_135M } from "./shapes/smollm2-135m";

const KINDS = ["float32", "int8", "int4", "file"] as const;
/** Batch and tokens of each prompt. */
const CASES = [
  [1, 64],
  [1, 256],
  [1, 512],
  [8, 64],
] as const;
const STEPS = 32;
const ROUNDS = 3;

const bench: Bench = {
  description:
    "greedy decoding of a Llama (SmolLM2-135M's shapes with random weights, or PERSONA_CHAT_MODEL) on two threads, beside " +
    "llama.cpp (node-llama-cpp in the folder PERSONA_LLAMA_CPP, with a GGUF file as PERSONA_CHAT_MODEL) and transformers " +
    "(the Python PERSONA_PEER_PYTHON, with a folder as PERSONA_CHAT_MODEL or none)",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "bench-llama-"));
    try {
      const given = process.env["PERSONA_CHAT_MODEL"];
      if (given === undefined) writeRandomModel(folder);
      const path = given ?? folder;
      const generators = new Map<(typeof KINDS)[number], GenerativeModel>();
      for (const weights of KINDS) {
        report(`${weights}: a generator`);
        const { architecture, close, ...model } = openCheckpoint(path);
        generators.set(weights, await architecture.createGenerator(model, { weights, threads: 2 }));
        close();
      }
      const best = new Map<string, BenchResults["rows"][number]>();
      for (let turn = 0; turn < ROUNDS; turn++) {
        for (const [batch, length] of CASES) {
          for (const [weights, generator] of generators) {
            report(`round ${turn + 1}: ${weights}, batch ${batch}, ${length} tokens`);
            const { prefill, decode } = await measure(generator, batch, length, turn);
            const key = `${weights} ${batch} ${length}`;
            const before = best.get(key);
            best.set(key, {
              weights,
              batch,
              length,
              prefillTokensPerSecond: round(
                Math.max(prefill, Number(before?.["prefillTokensPerSecond"] ?? 0)),
              ),
              decodeTokensPerSecond: round(Math.max(decode, Number(before?.["decodeTokensPerSecond"] ?? 0))),
            });
          }
        }
      }
      for (const generator of generators.values()) await generator.dispose();
      report("llama.cpp and transformers");
      return {
        rows: [...best.values()],
        model: given === undefined ? "random weights of SmolLM2-135M's shapes" : "PERSONA_CHAT_MODEL",
        loadAverage: round(loadavg()[0]!),
        llamaCpp: llamaCpp(path),
        transformers: transformers(path),
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** Tokens a second of reading prompts, and of the median step behind them. */
async function measure(generator: GenerativeModel, batch: number, length: number, turn: number) {
  // Other tokens every time, so that no prompt begins like one before it.
  const random = new Random(1000 * turn + length + batch);
  const rows = Array.from({ length: batch }, () => Array.from({ length }, () => 100 + random.integer(40000)));
  const start = performance.now();
  const decoder = await generator.startDecoder(padBatch(rows, 0), 1, STEPS + 1);
  const prefill = (1000 * batch * (length - 1)) / (performance.now() - start);
  let tokens = Int32Array.from(rows, (row) => row.at(-1)!);
  const steps: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const begin = performance.now();
    tokens = Int32Array.from(await decoder.nextTokens(tokens));
    steps.push(performance.now() - begin);
  }
  decoder.dispose();
  steps.sort((a, b) => a - b);
  return { prefill, decode: (1000 * batch) / quantileSorted(steps, 0.5) };
}

function writeRandomModel(folder: string): void {
  const architecture = architectureOf(SMOLLM2_135M, "the bench's shapes");
  const config = architecture.parseConfig(SMOLLM2_135M, "the bench's shapes");
  const random = new Random(1);
  const parameters = new Map<string, HostTensor<"float32">>();
  for (const [name, shape] of Object.entries(architecture.parameterShapes(config))) {
    const spread = shape.length === 1 ? 0 : shape[1]! ** -0.5;
    const size = shape.reduce((a, b) => a * b, 1);
    const data = new Float32Array(size).fill(1);
    if (spread > 0)
      for (let i = 0; i < size; i++) data[i] = spread * Math.sqrt(12) * (random.uniform() - 0.5);
    parameters.set(name, float32Tensor(shape, data));
  }
  writeModelDirectory(folder, { architecture, config, parameters });
}

/** What llama.cpp reaches with the same file, or why it was not asked. */
function llamaCpp(path: string): unknown {
  const folder = process.env["PERSONA_LLAMA_CPP"];
  if (folder === undefined || !existsSync(folder))
    return "PERSONA_LLAMA_CPP names no folder with node-llama-cpp";
  if (!path.endsWith(".gguf")) return "PERSONA_CHAT_MODEL is no GGUF file, which is what llama.cpp reads";
  return run(process.execPath, [join(__dirname, "llama-decode/llama-cpp.mjs"), folder, path]);
}

/** What transformers reaches with the same folder, or why it was not asked. */
function transformers(path: string): unknown {
  const python = process.env["PERSONA_PEER_PYTHON"];
  if (python === undefined || !existsSync(python))
    return "PERSONA_PEER_PYTHON names no Python with transformers";
  if (!statSync(path).isDirectory())
    return "PERSONA_CHAT_MODEL is a file: transformers is given folders only";
  return run(python, [join(__dirname, "llama-decode/transformers.py"), path]);
}

/** The JSON that a program prints. Its threads wait without spinning, which on a busy machine costs it most of its speed. */
function run(program: string, args: readonly string[]): unknown {
  const env = { ...process.env, OMP_WAIT_POLICY: "PASSIVE" };
  return JSON.parse(execFileSync(program, args, { env, stdio: ["ignore", "pipe", "inherit"] }).toString());
}
