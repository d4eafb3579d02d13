import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../errors";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** Keys, turned by their positions, and values of earlier positions, each [positions, batch, key heads, 1, d]. */
export interface GrowingCache {
  readonly key: tf.Tensor5D;
  readonly value: tf.Tensor5D;
}

/**
 * Attention of new positions over those in a cache and themselves, O = softmax(Q Kᵀ + bias) V, without the 1/√d scale. Each key
 * head serves the heads / key heads that follow one another. Positions come first, so that a cache and what is new lie one
 * behind the other: they are joined by plain copies, which the products then read from the processor's own memory. For
 * recorded programs alone; no gradient.
 *
 * @param query [length · batch, heads · d], position by position, as `own` is
 * @param own keys and values of the new positions, [length · batch, key heads · d]
 * @param bias [batch or 1, 1, 1, length, positions + length]
 * @returns the output [length · batch, heads · d], and what the cache grows by
 */
export function attendGrowing(
  query: tf.Tensor2D,
  own: { readonly key: tf.Tensor2D; readonly value: tf.Tensor2D },
  cache: GrowingCache,
  bias: tf.Tensor,
): { output: tf.Tensor2D; grown: GrowingCache } {
  const graph = recordingGraph();
  if (!graph) throw new EngineError("attendGrowing runs in recorded programs only");
  const [past, batch, keyHeads, , d] = cache.key.shape;
  const [rows, width] = query.shape;
  const [length, group] = [rows / batch, width / d / keyHeads];
  const placed = (x: tf.Tensor2D): tf.Tensor5D => tf.reshape(x, [length, batch, keyHeads, 1, d]);
  const grown = { key: placed(own.key), value: placed(own.value) };
  const joined = (part: keyof GrowingCache) => tf.concat([cache[part], grown[part]], 0);
  /** a · b or a · bᵀ of every head, where the dimension of the rows of b, and of a if so said, is the first. */
  const product = (a: tf.Tensor, b: tf.Tensor, columns: number, attributes: Record<string, number>) => {
    const shape = [batch, keyHeads, group, length, columns];
    const inputs = [valueOf(a), valueOf(b)];
    const result = { type: "float32", shape } as const;
    return tensorOf(
      graph.node("FusedMatMul", inputs, result, { transBatchB: 1, ...attributes }, "com.microsoft"),
    );
  };
  const heads = tf.reshape(query, [length, batch, keyHeads, group, d]);
  const scores = product(heads, joined("key"), past + length, { transBatchA: 1, transB: 1 });
  const answers = product(tf.softmax(tf.add(scores, bias)), joined("value"), d, {});
  return { output: tf.reshape(tf.transpose(answers, [3, 0, 1, 2, 4]), [rows, width]), grown };
}
