import * as tf from "@tensorflow/tfjs";
import { attendCached, attendExtended, type ExtendedCache, positions } from "../../engine";
import {
  attention,
  attentionBy,
  crossKeyValues,
  decoderBlock,
  embed,
  encode,
  finish,
  keyValue,
  type KeyValue,
  logits,
  maskBias,
  selfAttentionBias,
  type T5,
} from "./model";

/** What the decoder keeps of the encoder's output, by decoder block: keys and values [batch, heads, length, dKv]. */
export type Memory = Record<string, Record<keyof KeyValue, tf.Tensor4D>>;

/** The inputs of the encoder. */
export interface EncoderInputs {
  /** int32 [batch, length] */
  inputIds: tf.Tensor2D;
  /** int32 [batch, length]: 1 is a token, 0 padding. */
  attentionMask: tf.Tensor2D;
}

/** Runs the encoder and turns its output into the keys and values of every cross-attention. */
export function encodeMemory(model: T5, { inputIds, attentionMask }: EncoderInputs): Memory {
  const memory = crossKeyValues(model, encode(model, inputIds, attentionMask), inputIds.shape[0]);
  return Object.fromEntries(memory.map(({ key, value }, block) => [block, { key, value }]));
}

/** The inputs of a decoder step; rows = batch · rowsPerInput. */
export interface StepInputs {
  /** The token that each row has now, int32 [batch, rowsPerInput]. */
  tokens: tf.Tensor2D;
  /** The position bias of earlier positions, [1, heads, 1, past], −3.4e38 where the cache is not filled. */
  pastBias: tf.Tensor4D;
  /** The position bias of a position with itself, [1, heads, 1, 1]. */
  ownBias: tf.Tensor4D;
  /** int32 [batch, length] */
  attentionMask: tf.Tensor2D;
  memory: Memory;
  /** Keys and values of earlier positions by decoder block, [rows, heads, past, dKv]. */
  past: Memory;
}

/** How a block's new position is answered, from its queries, keys and values [rows, heads, 1, dKv]. */
type Answer = (block: number, query: tf.Tensor4D, own: KeyValue) => tf.Tensor4D;

/** The next token's logits [rows, vocabulary], the best token, and 0 where all logits of a row are finite (else NaN). */
function predict(
  model: T5,
  { tokens, attentionMask, memory }: Pick<StepInputs, "tokens" | "attentionMask" | "memory">,
  answer: Answer,
): { logits: tf.Tensor2D; best: tf.Tensor1D; finite: tf.Tensor1D } {
  const [batch, rowsPerInput] = tokens.shape;
  const rows = batch * rowsPerInput;
  const memoryBias = maskBias(attentionMask);
  let x = embed(model, tokens);
  for (let block = 0; block < model.config.numDecoderLayers; block++) {
    x = decoderBlock(
      model,
      x,
      block,
      (h, path) => {
        const own = keyValue(model, h, rows, path);
        return attentionBy(model, h, rows, path, (query) => answer(block, query, own));
      },
      (h, path) => attention(model, h, batch, path, memory[block]!, memoryBias),
    );
  }
  const scores = logits(model, finish(model, x, "decoder"));
  const finite = tf.sum(tf.mul(scores, tf.scalar(0)), 1) as tf.Tensor1D;
  return { logits: scores, best: tf.argMax(scores, 1), finite };
}

/** What comes next ({@link predict}), and the new position's keys and values by block. */
export function decoderStep(model: T5, inputs: StepInputs) {
  const { pastBias, ownBias, past } = inputs;
  const own: Memory = {};
  const results = predict(model, inputs, (block, query, { key, value }) => {
    own[block] = { key, value };
    return attendCached(query, { key, value }, past[block]!, pastBias, ownBias);
  });
  return { ...results, own };
}

/** The inputs of a step over a cache that stays on a device. */
export interface ResidentStepInputs extends Pick<StepInputs, "tokens" | "attentionMask" | "memory"> {
  /** What {@link residentStep} gave as `next` a step before. */
  past: Record<string, ExtendedCache>;
}

/** What comes next ({@link predict}), and the cache with the new position, by block. */
export function residentStep(model: T5, inputs: ResidentStepInputs) {
  const { past } = inputs;
  const before = past[0]!.value.shape[2];
  const place = positions(1, before);
  const places = tf.concat([positions(before), place]) as tf.Tensor1D;
  const bias = selfAttentionBias(model, "decoder", place, places);
  const next: Record<string, ExtendedCache> = {};
  const results = predict(model, inputs, (block, query, own) => {
    const { output, cache } = attendExtended(query, own, past[block]!, bias);
    next[block] = cache;
    return output;
  });
  return { ...results, next };
}
