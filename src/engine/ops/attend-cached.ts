import * as tf from "@tensorflow/tfjs";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/**
 * Attention of one new position over those before it and itself, as `attend` would give it over their concatenation, which
 * is not made: the past may be a large buffer, read where it lies. `query`, `key` and `value` are
 * [batch, heads, 1, d]; `pastKey` and `pastValue` [batch, heads, past, d], with `pastBias` broadcast to
 * [batch, heads, 1, past] (−3.4e38 where the buffer is not filled); `ownBias` is the new position's.
 */
export function attendCached(
  query: tf.Tensor4D,
  { key, value }: { key: tf.Tensor4D; value: tf.Tensor4D },
  past: { key: tf.Tensor4D; value: tf.Tensor4D },
  pastBias: tf.Tensor,
  ownBias: tf.Tensor,
): tf.Tensor4D {
  const pastScores = tf.add(tf.matMul(query, past.key, false, true), pastBias);
  const ownScore = tf.add(tf.matMul(query, key, false, true), ownBias);
  const [pastWeights, ownWeight] = splitLast(
    tf.softmax(tf.concat([pastScores, ownScore], -1)),
    past.key.shape[2],
  );
  return tf.add(tf.matMul(pastWeights, past.value), tf.mul(ownWeight, value));
}

/** x[…, 0…length) and x[…, length], where the last dimension is length + 1; `length` may be open in a recording. */
function splitLast(x: tf.Tensor, length: number): [tf.Tensor, tf.Tensor] {
  const graph = recordingGraph();
  if (!graph) return tf.split(x, [length, 1], -1) as [tf.Tensor, tf.Tensor];
  const value = valueOf(x);
  const integer = (number: number) => graph.constant("int64", [1], [number]);
  const part = (from: number, to: number, size: number) => {
    const inputs = [value, integer(from), integer(to), integer(-1)];
    return tensorOf(
      graph.node("Slice", inputs, { type: value.type, shape: [...x.shape.slice(0, -1), size] }),
    );
  };
  return [part(0, -1, length), part(-1, 2 ** 31, 1)];
}
