import { type GenerativeModel, inputTokens } from "../models";
import { padBatch, type Tokenizer } from "../models/tokenizer";
import { generate, type GeneratedSequence } from "./generate";
import type { GenerationOptions } from "./options";

export interface TextGenerationOptions extends GenerationOptions {
  /**
   * Texts that go through the model together.
   * @default 16
   */
  batchSize?: number;
  /**
   * Longer texts are cut to this many tokens, those at the beginning and the end included.
   * @default none: they are not cut
   */
  maxInputTokens?: number;
  /** Called after each batch. */
  onProgress?: (progress: { done: number; total: number; secondsLeft: number }) => void;
}

/** A text generated for an input. */
export interface GeneratedText extends GeneratedSequence {
  readonly text: string;
}

/**
 * Generates for each text, or for its tokens where somebody else made them, and returns `numReturnSequences` texts an input, inputs in order. Texts of similar length go
 * through the model together, so that little is padded; what is drawn for a text does not depend on that.
 */
export async function generateTexts(
  model: GenerativeModel,
  tokenizer: Tokenizer,
  texts: readonly (string | readonly number[])[],
  { batchSize = 16, maxInputTokens, onProgress, ...options }: TextGenerationOptions,
): Promise<GeneratedText[]> {
  const rows = texts.map((text, input) => ({
    input,
    ids: typeof text === "string" ? inputTokens(tokenizer, model.taskType, text, maxInputTokens) : text,
  }));
  rows.sort((a, b) => b.ids.length - a.ids.length || a.input - b.input);
  const results: GeneratedText[] = [];
  const start = performance.now();
  for (let from = 0; from < rows.length; from += batchSize) {
    const batch = rows.slice(from, from + batchSize);
    const ids = padBatch(
      batch.map(({ ids }) => ids),
      tokenizer.padId,
    );
    const inputs = batch.map(({ input }) => input);
    for (const sequence of await generate(model, ids, options, inputs)) {
      const text = tokenizer.decode(sequence.tokens);
      results.push({ ...sequence, input: inputs[sequence.input]!, text });
    }
    const done = from + batch.length;
    const seconds = (performance.now() - start) / 1000;
    onProgress?.({ done, total: rows.length, secondsLeft: (seconds / done) * (rows.length - done) });
  }
  return results.sort((a, b) => a.input - b.input);
}
