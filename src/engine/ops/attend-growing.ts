import type * as tf from "@tensorflow/tfjs";
import { EngineError } from "../errors";
import type { Graph, Value } from "../graph";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** Heads in a cache are this wide or a multiple of it; narrower ones have both their halves filled up with zeros. */
const CACHE_WIDTH = 16;

/** The width of a head of `headDim` in a cache. */
export const cachedWidth = (headDim: number): number => Math.ceil(headDim / CACHE_WIDTH) * CACHE_WIDTH;

/** Keys, turned by their positions, and values of earlier positions, each [batch, key heads, capacity, {@link cachedWidth}]. */
export interface GrowingCache {
  readonly key: tf.Tensor4D;
  readonly value: tf.Tensor4D;
}

/** cos and sin of the angles of positions from 0 on, at least `total` of them, each [positions, {@link cachedWidth} / 2]. */
export interface PositionAngles {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
}

/**
 * Causal attention of new positions over those in a cache and themselves, with queries and keys turned by their positions (see
 * `rotary`) and scaled by 1/√headDim; the cache with the new positions is a result. Where it is written into the memory of the
 * cache that was given, nothing is copied but the new positions. Each row of the batch has a length of its own. For recorded
 * programs alone; no gradient.
 *
 * @param rows queries, keys and values side by side, [batch · length, (heads + 2 key heads) · headDim]. `length` is 1 unless
 *   there is but one row or the cache is empty.
 * @param last int32 [batch]: the position of each row's last new token
 * @param total int32 [1]: the number of positions of the longest row, the new ones included
 */
export function attendGrowing(
  rows: tf.Tensor2D,
  cache: GrowingCache,
  angles: PositionAngles,
  last: tf.Tensor1D,
  total: tf.Tensor1D,
  headDim: number,
): { output: tf.Tensor2D } & GrowingCache {
  const graph = recordingGraph();
  if (!graph) throw new EngineError("attendGrowing runs in recorded programs only");
  const [batch, keyHeads, , width] = cache.key.shape;
  const [count, rowWidth] = rows.shape;
  const heads = rowWidth / headDim - 2 * keyHeads;
  const length = count / batch;
  const packed = widened(graph, valueOf(rows), headDim, width);
  const results = [
    { type: "float32", shape: [batch, length, heads * width] },
    { type: "float32", shape: cache.key.shape },
    { type: "float32", shape: cache.value.shape },
  ] as const;
  const inputs = [
    graph.reshape(packed, [batch, length, (heads + 2 * keyHeads) * width]),
    graph.absent,
    graph.absent,
    ...[cache.key, cache.value, last, total, angles.cos, angles.sin].map(valueOf),
  ];
  const attributes = {
    num_heads: heads,
    kv_num_heads: keyHeads,
    scale: { float: headDim ** -0.5 },
    do_rotary: 1,
  };
  const [output, key, value] = graph.manyResults(
    "GroupQueryAttention",
    inputs,
    results,
    attributes,
    "com.microsoft",
  );
  return {
    output: tensorOf(narrowed(graph, output!, [count, heads * headDim], headDim, width)) as tf.Tensor2D,
    key: tensorOf(key!) as tf.Tensor4D,
    value: tensorOf(value!) as tf.Tensor4D,
  };
}

/** x [rows, heads · from] with both halves of every head filled up with zeros to a width of `to` / 2. */
function widened(graph: Graph, x: Value, from: number, to: number): Value {
  if (from === to) return x;
  const [rows, width] = x.shape as [number, number];
  const halves = ((2 * width) / from) * rows;
  const pads = graph.constant("int64", [4], [0, 0, 0, (to - from) / 2]);
  return graph.node("Pad", [graph.reshape(x, [halves, from / 2]), pads], {
    type: x.type,
    shape: [halves, to / 2],
  });
}

/** x [batch, length, heads · from], whose heads {@link widened} filled up, without what it filled them with, [rows, heads · to]. */
function narrowed(graph: Graph, x: Value, shape: readonly [number, number], to: number, from: number): Value {
  if (from === to) return graph.reshape(x, shape);
  const halves = (2 * shape[0] * shape[1]) / to;
  const bound = (size: number) => graph.constant("int64", [1], [size]);
  const inputs = [graph.reshape(x, [halves, from / 2]), bound(0), bound(to / 2), bound(1)];
  const cut = graph.node("Slice", inputs, { type: x.type, shape: [halves, to / 2] });
  return graph.reshape(cut, shape);
}
