import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defaultThreads } from "../engine";
import type { Embedder } from "./embedder";

interface Transformers {
  pipeline(
    this: void,
    task: "feature-extraction",
    model: string,
    options: { dtype: string; local_files_only: boolean; session_options: { intraOpNumThreads: number } },
  ): Promise<Extractor>;
}

interface Extractor {
  (texts: string[], options: { pooling: "mean"; normalize: true }): Promise<{ data: Float32Array }>;
  dispose(): Promise<unknown>;
}

/** Texts that go through the model together. */
const BATCH = 32;

/**
 * A model that Transformers.js runs for feature extraction (all-MiniLM-L6-v2, say): a folder with its ONNX files, or a name on the
 * Hugging Face hub. A text's vector is the mean of its tokens'.
 *
 * @throws {Error} if there is no such model; it names it
 */
export async function transformersJsEmbedder(model: string): Promise<Embedder> {
  const isFolder = existsSync(model);
  // By a name that is not a literal, so that compiling a notebook cell need not read all its type declarations.
  const name: string = "@huggingface/transformers";
  const { pipeline } = (await import(name)) as Transformers;
  let extract: Extractor;
  try {
    extract = await pipeline("feature-extraction", isFolder ? resolve(model) : model, {
      dtype: "fp32",
      local_files_only: isFolder,
      session_options: { intraOpNumThreads: defaultThreads() },
    });
  } catch (cause) {
    throw new Error(`${model}: no model for feature extraction that opens (${(cause as Error).message})`, {
      cause,
    });
  }
  return {
    async embed(texts) {
      const parts: Float32Array[] = [];
      for (let i = 0; i < texts.length; i += BATCH) {
        const { data } = await extract(texts.slice(i, i + BATCH), { pooling: "mean", normalize: true });
        parts.push(data);
      }
      const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    },
    async dispose() {
      await extract.dispose();
    },
  };
}
