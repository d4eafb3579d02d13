import type * as tf from "@tensorflow/tfjs";
import { CompiledFunction } from "../engine";
import {
  type Adapter,
  hasVectors,
  type Model,
  type NamedTensors,
  type TextBatch,
  textEncoder,
  type Tokenizer,
} from "../models";
import { type BatchTensors, frozenModel, TextRows } from "../training";
import type { Embedder } from "./embedder";

/** Texts that go through the model together, and what lengths are rounded up to: few shapes, each of which is compiled once. */
const BATCH = 32;
const PAD_TO_MULTIPLE_OF = 32;

export interface EncoderOptions {
  /** What was trained for similar texts, over the model. */
  readonly adapter?: Adapter;
  /**
   * Longer texts are cut to so many tokens.
   * @default 256
   */
  readonly maxTokens?: number;
}

/**
 * A model of this project as one that makes vectors of texts; see `textEncoder`. Without an adapter that was trained for it, its
 * vectors tell little: what it learned was to write.
 */
export function encoderOf(
  model: Model & { readonly tokenizer: Tokenizer },
  { adapter, maxTokens = 256 }: EncoderOptions = {},
): Embedder {
  const frozen = frozenModel(textEncoder(model), adapter ? { adapter } : {});
  const { padTokenId } = model.config;
  const program = new CompiledFunction(
    ({ parameters, batch }: { parameters: NamedTensors; batch: NamedTensors }) => {
      const encoder = frozen.model(parameters);
      if (!hasVectors(encoder)) throw new Error("this model makes no vectors of texts");
      return { vectors: encoder.vectors(batch as unknown as TextBatch) as tf.Tensor };
    },
  );
  const parameters = Object.fromEntries(frozen.parameters);
  return {
    async embed(texts) {
      const examples = texts.map((text) => ({
        texts: [model.tokenizer.encode(text, { maxLength: maxTokens })],
        label: 0,
      }));
      const rows = new TextRows(examples, { padTokenId, padToMultipleOf: PAD_TO_MULTIPLE_OF });
      let all: Float32Array | undefined;
      for (const indices of rows.order(BATCH, 0, 0)) {
        const { labels: _, ...batch } = rows.batch(indices, BATCH) as BatchTensors & { labels: unknown };
        const { vectors } = await program.run({ parameters, batch });
        const width = vectors.data.length / BATCH;
        all ??= new Float32Array(texts.length * width);
        for (const [row, index] of indices.entries())
          all.set((vectors.data as Float32Array).subarray(row * width, (row + 1) * width), index * width);
      }
      return all ?? new Float32Array();
    },
    dispose: () => program.dispose(),
  };
}
