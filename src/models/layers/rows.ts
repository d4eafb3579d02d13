import * as tf from "@tensorflow/tfjs";
import { gatherRows } from "../../engine/ops";

/**
 * How the rows of an activation [rows, width] lie in a batch: the number of examples, each with as many rows, one for each
 * position; or, where padding is left out, which positions have a row.
 */
export type Rows = number | PackedRows;

/** The rows of a padded batch [batch, length] that hold a token, and at least one that holds padding, behind them. */
export interface PackedRows {
  readonly batch: number;
  readonly length: number;
  /** int32 [rows]: the position (example · length + place) of each row. */
  readonly positions: tf.Tensor1D;
  /** int32 [batch · length]: the row of each position; all padding shares the last row. */
  readonly rows: tf.Tensor1D;
}

/**
 * Rows [rows, heads · d] as heads, [batch, heads, length, d]. Of packed rows, padding gets the last row; its gradient is taken
 * to be zero, which it is when attention masks padded keys and {@link mergeHeads} leaves out padded queries.
 */
export function splitHeads(x: tf.Tensor2D, rows: Rows, heads: number): tf.Tensor4D {
  const d = x.shape[1] / heads;
  if (typeof rows === "number") {
    return tf.transpose(tf.reshape(x, [rows, x.shape[0] / rows, heads, d]), [0, 2, 1, 3]);
  }
  const { batch, length } = rows;
  const { split, merge } = headIndices(rows, heads);
  const parts = gatherRows(tf.reshape(x, [-1, d]) as tf.Tensor2D, split, merge);
  return tf.reshape(parts, [batch, heads, length, d]);
}

/** Heads [batch, heads, length, d] as rows [rows, heads · d]. */
export function mergeHeads(x: tf.Tensor4D, rows: Rows): tf.Tensor2D {
  const [batch, heads, length, d] = x.shape;
  if (typeof rows === "number") {
    return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * length, heads * d]);
  }
  const { split, merge } = headIndices(rows, heads);
  return tf.reshape(gatherRows(tf.reshape(x, [-1, d]) as tf.Tensor2D, merge, split), [-1, heads * d]);
}

/** Which of the [rows · heads] parts of packed rows each of [batch · heads · length] is, and the other way round. */
function headIndices({ batch, length, positions, rows }: PackedRows, heads: number) {
  const head = tf.range(0, heads, 1, "int32");
  const integer = (value: number) => tf.scalar(value, "int32");
  const split = tf.add(
    tf.mul(tf.reshape(rows, [batch, 1, length]), integer(heads)),
    tf.reshape(head, [1, heads, 1]),
  );
  const example = tf.floorDiv(positions, integer(length));
  const before = tf.add(tf.expandDims(tf.mul(example, integer(heads - 1)), 1), tf.expandDims(head, 0));
  const merge = tf.add(tf.expandDims(positions, 1), tf.mul(before, integer(length)));
  return { split: tf.reshape(split, [-1]) as tf.Tensor1D, merge: tf.reshape(merge, [-1]) as tf.Tensor1D };
}
