import { type Embedder, encoderOf, transformersJsEmbedder } from "../embedding";
import { openPretrained } from "../models";
import { embeddedModel } from "./base";

/** What variants and tables call the model that {@link textVectors} asks. */
export const encoderName = (): string => process.env["PERSONA_ENCODER"] ?? "embedded encoder";

/**
 * Opens the model that makes vectors of texts: the one that `PERSONA_ENCODER` names, a folder or a name on the Hugging Face hub of a
 * model for feature extraction that Transformers.js runs; otherwise the encoder of the embedded T5.
 */
export async function openEncoder(): Promise<Embedder> {
  const named = process.env["PERSONA_ENCODER"];
  if (named) return transformersJsEmbedder(named);
  const { checkpoint, tokenizer } = await openPretrained({
    kind: "directory",
    directory: embeddedModel,
    why: "it is embedded",
  });
  try {
    return encoderOf({ ...checkpoint, tokenizer });
  } finally {
    checkpoint.close();
  }
}

/** Vectors that this process has made, by the encoder's name and the text. */
const known = new Map<string, Map<string, Float32Array>>();

/**
 * A vector of length 1 for each text, rows [texts, width], by the model that {@link openEncoder} opens. A text that this process has
 * embedded before is not embedded again: the runs of a notebook search among the same personas.
 */
export async function textVectors(texts: readonly string[]): Promise<Float32Array> {
  const vectors = known.get(encoderName()) ?? new Map<string, Float32Array>();
  known.set(encoderName(), vectors);
  const open = [...new Set(texts)].filter((text) => !vectors.has(text));
  if (open.length > 0) {
    const encoder = await openEncoder();
    try {
      const rows = await encoder.embed(open);
      const width = rows.length / open.length;
      open.forEach((text, row) => vectors.set(text, rows.slice(row * width, (row + 1) * width)));
    } finally {
      await encoder.dispose();
    }
  }
  const width = texts.length === 0 ? 0 : vectors.get(texts[0]!)!.length;
  const all = new Float32Array(texts.length * width);
  texts.forEach((text, row) => all.set(vectors.get(text)!, row * width));
  return all;
}
