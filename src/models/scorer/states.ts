import * as tf from "@tensorflow/tfjs";
import type { PackedRows } from "../layers";
import type { TextBatch } from "./form";

const integer = (value: number) => tf.scalar(value, "int32");

/** The mean of each text's tokens, [texts, width], of outputs for all positions of a batch, or for those of packed rows. */
export function meanOfTokens(
  outputs: tf.Tensor2D,
  { attentionMask }: Pick<TextBatch, "attentionMask">,
  packed?: PackedRows,
): tf.Tensor2D {
  const [texts, length] = attentionMask.shape;
  const places = packed?.positions ?? tf.range(0, texts * length, 1, "int32");
  const isToken = tf.cast(tf.gather(tf.reshape(attentionMask, [-1]), places), "float32");
  const textOf = tf.floorDiv(places, integer(length));
  const belongs = tf.equal(tf.expandDims(tf.range(0, texts, 1, "int32"), 1), tf.expandDims(textOf, 0));
  const shares: tf.Tensor2D = tf.mul(tf.cast(belongs, "float32"), tf.expandDims(isToken, 0));
  // A row that fills up a batch has no tokens.
  const tokens = tf.maximum(tf.sum(shares, 1, true), tf.scalar(1));
  return tf.div(tf.matMul(shares, outputs), tokens);
}

/** The last token's of each text, [texts, width], likewise. */
export function lastOfTokens(
  outputs: tf.Tensor2D,
  { attentionMask }: Pick<TextBatch, "attentionMask">,
  packed?: PackedRows,
): tf.Tensor2D {
  const [texts, length] = attentionMask.shape;
  const tokens = tf.sum(tf.cast(tf.notEqual(attentionMask, integer(0)), "int32"), 1);
  const last = tf.maximum(tf.sub(tokens, integer(1)), integer(0));
  const places: tf.Tensor1D = tf.add(tf.mul(tf.range(0, texts, 1, "int32"), integer(length)), last);
  return tf.gather(outputs, packed ? tf.gather(packed.rows, places) : places);
}
