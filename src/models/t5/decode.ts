import * as tf from "@tensorflow/tfjs";
import { attendCached } from "../../engine";
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

/**
 * The next token's logits [rows, vocabulary], the best token, 0 where all logits of a row are finite (else NaN), and the
 * new position's keys and values by block.
 */
export function decoderStep(
  model: T5,
  { tokens, pastBias, ownBias, attentionMask, memory, past }: StepInputs,
): { logits: tf.Tensor2D; best: tf.Tensor1D; finite: tf.Tensor1D; own: Memory } {
  const [batch, rowsPerInput] = tokens.shape;
  const rows = batch * rowsPerInput;
  const memoryBias = maskBias(attentionMask);
  const own: Memory = {};
  let x = embed(model, tokens);
  for (let block = 0; block < model.config.numDecoderLayers; block++) {
    x = decoderBlock(
      model,
      x,
      block,
      (h, path) => {
        const { key, value } = keyValue(model, h, rows, path);
        own[block] = { key, value };
        return attentionBy(model, h, rows, path, (query) =>
          attendCached(query, { key, value }, past[block]!, pastBias, ownBias),
        );
      },
      (h, path) => attention(model, h, batch, path, memory[block]!, memoryBias),
    );
  }
  const scores = logits(model, finish(model, x, "decoder"));
  const finite = tf.sum(tf.mul(scores, tf.scalar(0)), 1) as tf.Tensor1D;
  return { logits: scores, best: tf.argMax(scores, 1), finite, own };
}
