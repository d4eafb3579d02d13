import type * as tf from "@tensorflow/tfjs";
import { EngineError } from "../errors";
import type { Graph, Value } from "../graph";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** Heads in a cache are this wide or a multiple of it; narrower ones are filled up with zeros. */
const CACHE_WIDTH = 8;

/** The width of a head of `headDim` in a cache. */
export const cachedWidth = (headDim: number): number => Math.ceil(headDim / CACHE_WIDTH) * CACHE_WIDTH;

/** Keys and values of earlier positions, each [batch, key heads, capacity, {@link cachedWidth}]. */
export interface GrowingCache {
  readonly key: tf.Tensor4D;
  readonly value: tf.Tensor4D;
}

/**
 * Causal attention of new positions over those in a cache and themselves, scaled by 1/√headDim; the cache with the new
 * positions is a result. Where it is written into the memory of the cache that was given, nothing is copied but the new
 * positions. Each row of the batch has a length of its own. For recorded programs alone; no gradient.
 *
 * @param rows queries [batch · length, heads · headDim], keys and values [batch · length, key heads · headDim], already turned by
 *   their positions. `length` is 1 unless there is but one row or the cache is empty.
 * @param last int32 [batch]: the position of each row's last new token
 * @param total int32 [1]: the number of positions of the longest row, the new ones included
 */
export function attendGrowing(
  rows: { readonly query: tf.Tensor2D; readonly key: tf.Tensor2D; readonly value: tf.Tensor2D },
  cache: GrowingCache,
  last: tf.Tensor1D,
  total: tf.Tensor1D,
  headDim: number,
): { output: tf.Tensor2D } & GrowingCache {
  const graph = recordingGraph();
  if (!graph) throw new EngineError("attendGrowing runs in recorded programs only");
  const [batch, keyHeads, , width] = cache.key.shape;
  const [count, queryWidth] = rows.query.shape;
  const heads = queryWidth / headDim;
  const length = count / batch;
  const sequence = (x: tf.Tensor2D, heads: number) =>
    graph.reshape(widened(graph, valueOf(x), heads, headDim, width), [batch, length, heads * width]);
  const results = [
    { type: "float32", shape: [batch, length, heads * width] },
    { type: "float32", shape: cache.key.shape },
    { type: "float32", shape: cache.value.shape },
  ] as const;
  const inputs = [
    sequence(rows.query, heads),
    sequence(rows.key, keyHeads),
    sequence(rows.value, keyHeads),
    ...[cache.key, cache.value, last, total].map(valueOf),
  ];
  const attributes = { num_heads: heads, kv_num_heads: keyHeads, scale: { float: headDim ** -0.5 } };
  const [output, key, value] = graph.manyResults(
    "GroupQueryAttention",
    inputs,
    results,
    attributes,
    "com.microsoft",
  );
  return {
    output: tensorOf(narrowed(graph, output!, heads, headDim, width, count)) as tf.Tensor2D,
    key: tensorOf(key!) as tf.Tensor4D,
    value: tensorOf(value!) as tf.Tensor4D,
  };
}

/** x [rows, heads · from] with every head filled up with zeros to a width of `to`. */
function widened(graph: Graph, x: Value, heads: number, from: number, to: number): Value {
  if (from === to) return x;
  const [rows] = x.shape as [number];
  const parts = graph.reshape(x, [rows * heads, from]);
  const pads = graph.constant("int64", [4], [0, 0, 0, to - from]);
  return graph.node("Pad", [parts, pads], { type: x.type, shape: [rows * heads, to] });
}

/** The first `to` elements of every head of x [batch, length, heads · from], [rows, heads · to]. */
function narrowed(graph: Graph, x: Value, heads: number, to: number, from: number, rows: number): Value {
  if (from === to) return graph.reshape(x, [rows, heads * to]);
  const parts = graph.reshape(x, [rows * heads, from]);
  const bound = (size: number) => graph.constant("int64", [1], [size]);
  const inputs = [parts, bound(0), bound(to), bound(1)];
  const cut = graph.node("Slice", inputs, { type: x.type, shape: [rows * heads, to] });
  return graph.reshape(cut, [rows, heads * to]);
}
