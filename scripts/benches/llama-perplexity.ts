import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPart, readPart } from "../../src/corpus";
import { defaultThreads } from "../../src/engine";
import { perplexity } from "../../src/evaluation";
import { exportTransformersJs } from "../../src/export";
import type { GenerativeModel } from "../../src/models";
import { writeGgufModel } from "../../src/models/gguf";
import { openCheckpoint, openPretrained } from "../../src/models/pretrained";
import { padBatch, readTokenizerFiles } from "../../src/models/tokenizer";
import { type Bench, type BenchResults, round } from "./bench";

/** Tokens that a model sees at a time, and how far a window begins behind one. */
const [WINDOW, STRIDE] = [512, 256];

const bench: Bench = {
  description:
    "perplexity of a causal model (PERSONA_CHAT_MODEL) as generation keeps its weights and as exports keep them, opened by who " +
    "reads them, on the first five conversations of Synthetic-Persona-Chat's valid.csv (PERSONA_DATA)",
  async run(report) {
    const [path, corpus] = [process.env["PERSONA_CHAT_MODEL"], process.env["PERSONA_DATA"]];
    if (!path || !existsSync(path)) throw new Error("set PERSONA_CHAT_MODEL to a causal model");
    if (!corpus || !existsSync(corpus))
      throw new Error("set PERSONA_DATA to Synthetic-Persona-Chat's folder");
    const kind = path.endsWith(".gguf") ? "file" : "directory";
    const { checkpoint, tokenizer } = await openPretrained({ kind, directory: path, why: "" });
    const texts = readPart(findPart(corpus, "valid"), "valid").rows.slice(0, 5);
    const tokens = tokenizer.encode(texts.map(({ text }) => text.trim()).join("\n\n"), { addEos: false });
    const folder = mkdtempSync(join(tmpdir(), "bench-perplexity-"));
    const rows: BenchResults["rows"] = [];
    const { perplexity: exact } = await perplexity(checkpoint, tokens, { window: WINDOW, stride: STRIDE });
    const add = async (form: string, measure: () => Promise<number>) => {
      report(form);
      const found = await measure();
      rows.push({ form, perplexity: found, percentAbove: round(100 * (found / exact - 1)) });
      report(JSON.stringify(rows.at(-1)));
    };
    try {
      await add("float32", () => Promise.resolve(exact));
      for (const weights of ["int8", "int4", "file"] as const)
        await add(`generation, ${weights}`, async () => {
          const generator = await checkpoint.architecture.createGenerator(checkpoint, {
            weights,
            threads: 2,
          });
          const found = await ofGenerator(generator, tokens);
          await generator.dispose();
          return found;
        });
      const files = tokenizer.files ?? readTokenizerFiles(path);
      for (const type of ["F16", "Q8_0"] as const)
        await add(`GGUF ${type}`, async () => {
          const file = join(folder, `${type}.gguf`);
          writeGgufModel(file, { model: checkpoint, tokenizer: files, name: "bench" }, type);
          const read = openCheckpoint(file);
          const found = await perplexity(read, tokens, { window: WINDOW, stride: STRIDE });
          read.close();
          return found.perplexity;
        });
      for (const dtype of ["q8", "q4"] as const)
        await add(`Transformers.js ${dtype}`, async () => {
          const directory = join(folder, dtype);
          exportTransformersJs(directory, checkpoint, {
            tokenizerFrom: tokenizer.files ?? path,
            variants: [dtype],
          });
          return ofTransformersJs(directory, dtype, tokens);
        });
      return { rows, tokens: tokens.length, window: WINDOW, stride: STRIDE };
    } finally {
      checkpoint.close();
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** Where windows begin and end, and the first token of each that none before has read. */
function windowsOf(length: number): { begin: number; end: number; first: number }[] {
  const windows = [];
  for (let begin = 0, read = 1; read < length; begin += STRIDE) {
    const end = Math.min(begin + WINDOW, length);
    windows.push({ begin, end, first: read });
    read = end;
  }
  return windows;
}

/** The first window is read token by token; the others, whose first halves are prompts, side by side. */
async function ofGenerator(generator: GenerativeModel, tokens: readonly number[]): Promise<number> {
  const [first, ...others] = windowsOf(tokens.length);
  let nats = 0;
  for (const windows of [[first!], others]) {
    const prompts = windows.map(({ begin, first }) => tokens.slice(begin, first));
    const steps = Math.max(...windows.map(({ end, first }) => end - first));
    const decoder = await generator.startDecoder(padBatch(prompts, generator.padTokenId), 1, steps);
    for (let step = 0; step < steps; step++) {
      const feed = windows.map(({ first }) => tokens[Math.min(first + step - 1, tokens.length - 1)]!);
      const logprobs = await decoder.nextLogProbabilities(Int32Array.from(feed));
      windows.forEach(({ first, end }, row) => {
        if (first + step < end) nats -= logprobs[row * decoder.vocabularySize + tokens[first + step]!]!;
      });
    }
    decoder.dispose();
  }
  return Math.exp(nats / (tokens.length - 1));
}

async function ofTransformersJs(
  directory: string,
  dtype: string,
  tokens: readonly number[],
): Promise<number> {
  const name: string = "@huggingface/transformers";
  type Causal = ((inputs: object) => Promise<{ logits: { data: Float32Array; dims: number[] } }>) & {
    dispose(): Promise<unknown>;
  };
  const { AutoModelForCausalLM, Tensor } = (await import(name)) as {
    AutoModelForCausalLM: { from_pretrained(path: string, options: object): Promise<Causal> };
    Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object;
  };
  const model = await AutoModelForCausalLM.from_pretrained(directory, {
    ...{ dtype, local_files_only: true },
    session_options: { intraOpNumThreads: defaultThreads() },
  });
  const int64 = (values: readonly number[]) =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  let nats = 0;
  for (const { begin, end, first } of windowsOf(tokens.length)) {
    const ids = tokens.slice(begin, end);
    const { logits } = await model({ input_ids: int64(ids), attention_mask: int64(ids.map(() => 1)) });
    const size = logits.dims.at(-1)!;
    for (let at = first; at < end; at++) {
      const row = logits.data.subarray((at - begin - 1) * size, (at - begin) * size);
      const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
      nats += most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - row[tokens[at]!]!;
    }
  }
  await model.dispose();
  return Math.exp(nats / (tokens.length - 1));
}
