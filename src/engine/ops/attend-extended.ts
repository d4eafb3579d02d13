import * as tf from "@tensorflow/tfjs";
import { grouped, ofHeads } from "./attend";

/** Keys [batch, key heads, d, positions], as the product with queries takes them, and values [batch, key heads, positions, d]. */
export type ExtendedCache = Readonly<Record<"key" | "value", tf.Tensor4D>>;

/**
 * Attention of new positions over those in a cache and themselves, as `attend` would give it, with the cache that has them as well:
 * for caches that stay where the program runs. `query` is [batch, heads, length, d]; `own`, keys and values of the new positions,
 * are [batch, key heads, length, d]; bias is broadcast to [batch, heads, length, positions + length]. No gradient.
 */
export function attendExtended(
  query: tf.Tensor4D,
  own: { readonly key: tf.Tensor4D; readonly value: tf.Tensor4D },
  past: ExtendedCache,
  bias: tf.Tensor,
): { output: tf.Tensor4D; cache: ExtendedCache } {
  const key = tf.concat([past.key, tf.transpose(own.key, [0, 1, 3, 2])], 3);
  const value = tf.concat([past.value, own.value], 2);
  const scores = ofHeads(tf.matMul(grouped(query, own.key), key), query);
  const weights = tf.softmax(tf.add(scores, bias));
  const output = ofHeads(tf.matMul(grouped(weights, own.key), value), query) as tf.Tensor4D;
  return { output, cache: { key, value } };
}
