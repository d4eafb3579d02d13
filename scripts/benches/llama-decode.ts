import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { quantileSorted } from "simple-statistics";
import type { GenerativeModel } from "../../src/models/generative";
import { writeGgufModel } from "../../src/models/gguf";
import { openCheckpoint, openPretrained, writeModelDirectory } from "../../src/models/pretrained";
import { padBatch, readTokenizerFiles } from "../../src/models/tokenizer";
import { Random } from "../../src/random";
import { type Bench, type BenchResults, quick, round } from "./bench";
import { randomModel } from "./shapes/shapes";

const KINDS = ["float32", "int8", "int4", "file"] as const;
/** Batch and tokens of each prompt: beside the peers, and where the cost grows. */
const COMPARED = [
  [1, 64],
  [4, 64],
  [16, 64],
] as const;
const GROWING = [
  [1, 256],
  [1, 512],
] as const;
const CASES = quick ? COMPARED : [...COMPARED, ...GROWING];
const STEPS = 32;
const ROUNDS = quick ? 2 : 3;
/** A folder with node-llama-cpp, and a Python with transformers. */
const { PERSONA_LLAMA_CPP: LLAMA_CPP, PYTHON, PERSONA_CHAT_MODEL: GIVEN } = process.env;

const bench: Bench = {
  description:
    "greedy decoding of a Llama (SmolLM2-135M's shapes with random weights, or PERSONA_CHAT_MODEL) on two threads, beside " +
    "llama.cpp (node-llama-cpp in the folder PERSONA_LLAMA_CPP; of PERSONA_CHAT_MODEL in Q8_0, and as it is if it is a GGUF file) and " +
    "transformers (in float32, by the Python PYTHON)",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "bench-llama-"));
    try {
      // The model as everybody reads it: transformers wants a folder in float32.
      const directory = join(folder, "model");
      if (GIVEN === undefined) writeModelDirectory(directory, randomModel("smollm2-135m"));
      else {
        const { close, ...model } = openCheckpoint(GIVEN);
        writeModelDirectory(directory, model);
        close();
      }
      const path = GIVEN ?? directory;
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
      report("llama.cpp");
      const theirs = await llamaCpp(folder);
      report("transformers");
      return {
        rows: [...best.values()],
        model: GIVEN === undefined ? "random weights of SmolLM2-135M's shapes" : "PERSONA_CHAT_MODEL",
        loadAverage: round(loadavg()[0]!),
        llamaCpp: theirs,
        transformers: transformers(directory),
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

/** What llama.cpp reaches with the same model, a list for each form of its file, or why it was not asked. */
async function llamaCpp(folder: string): Promise<unknown> {
  if (LLAMA_CPP === undefined || !existsSync(LLAMA_CPP))
    return "PERSONA_LLAMA_CPP names no folder with node-llama-cpp";
  if (GIVEN === undefined)
    return "PERSONA_CHAT_MODEL names no model: llama.cpp reads none without a tokenizer";
  const kind = GIVEN.endsWith(".gguf") ? "file" : "directory";
  const { checkpoint, tokenizer } = await openPretrained({ kind, directory: GIVEN, why: "" });
  const rounded = join(folder, "q8_0.gguf");
  const files = tokenizer.files ?? readTokenizerFiles(GIVEN);
  writeGgufModel(rounded, { model: checkpoint, tokenizer: files, name: "bench" }, "Q8_0");
  checkpoint.close();
  const ask = (path: string) =>
    run(process.execPath, [
      join(__dirname, "llama-decode/llama-cpp.mjs"),
      LLAMA_CPP,
      path,
      JSON.stringify(CASES),
    ]);
  return { q8_0: ask(rounded), ...(kind === "file" && { file: ask(GIVEN) }) };
}

/** What transformers reaches with the same model in float32, or why it was not asked. */
function transformers(directory: string): unknown {
  if (PYTHON === undefined) return "set PYTHON";
  const script = join(__dirname, "llama-decode/transformers.py");
  return run(PYTHON, [script, directory, JSON.stringify(CASES)]);
}

/**
 * The JSON that a program prints, or why it printed none. Its threads wait without spinning, which on a busy machine costs it most of
 * its speed.
 */
function run(program: string, args: readonly string[]): unknown {
  const env = { ...process.env, OMP_WAIT_POLICY: "PASSIVE" };
  try {
    return JSON.parse(execFileSync(program, args, { env, stdio: ["ignore", "pipe", "inherit"] }).toString());
  } catch {
    return `${basename(program)} ended with an error, which it printed`;
  }
}
