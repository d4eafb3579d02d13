import * as tf from "@tensorflow/tfjs";
import type { T5Config } from "./config";
import type { Stack } from "./parameters";

/**
 * T5's bucket of a relative position (key − query). Of `buckets`, bidirectional attention gives half to keys after the
 * query; causal attention sees none of those. Half of a direction's buckets hold one distance each, the others grow
 * logarithmically up to `maxDistance`, and everything farther shares the last (Raffel et al., 2020, section 2.1;
 * `T5Attention._relative_position_bucket` in transformers).
 */
export function relativePositionBucket(
  relativePosition: number,
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
): number {
  const available = bidirectional ? Math.floor(buckets / 2) : buckets;
  const offset = bidirectional && relativePosition > 0 ? available : 0;
  const distance = bidirectional ? Math.abs(relativePosition) : Math.max(-relativePosition, 0);
  const exact = Math.floor(available / 2);
  if (distance < exact) return offset + distance;
  const { fround, log } = Math;
  const ratio = fround(fround(log(fround(distance / exact))) / fround(log(maxDistance / exact)));
  const coarse = exact + Math.floor(fround(ratio * (available - exact)));
  return offset + Math.min(coarse, available - 1);
}

/**
 * The position bias of a stack's self-attention, [1, heads, queries, keys], for int32 positions of queries [queries] and
 * keys [keys]: the learned value of each head for the bucket of (key − query).
 */
export function positionBias(
  config: T5Config,
  table: tf.Tensor,
  stack: Stack,
  queryPositions: tf.Tensor1D,
  keyPositions: tf.Tensor1D,
): tf.Tensor4D {
  const farthest = config.relativeAttentionMaxDistance;
  const bucketOf = tf.tensor1d(
    Array.from({ length: 2 * farthest + 1 }, (_, i) =>
      relativePositionBucket(i - farthest, stack === "encoder", config.relativeAttentionNumBuckets, farthest),
    ),
    "int32",
  );
  const distances = tf.sub(tf.expandDims(keyPositions, 0), tf.expandDims(queryPositions, 1));
  const near = tf.minimum(tf.maximum(distances, tf.scalar(-farthest, "int32")), tf.scalar(farthest, "int32"));
  const buckets: tf.Tensor = tf.gather(bucketOf, tf.add(near, tf.scalar(farthest, "int32")));
  return tf.expandDims(tf.gather(tf.transpose(table), buckets as tf.Tensor2D, 1), 0);
}
