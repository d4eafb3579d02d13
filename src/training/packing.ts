import { IGNORED_LABEL, type LabelledBatch } from "../models";
import type { Batch } from "./batches";

type Names = "tokenPositions" | "positionRows" | "labelRows";

/** The optional inputs of a model's loss that leave padding out; see {@link LabelledBatch}. */
export type Packing = { [Name in Names & keyof LabelledBatch]?: Int32Array };

/**
 * Which positions of a batch need computing: those of the input that hold a token, and those of the decoder that have a label
 * (for the lm_head alone). Each list is filled up with padding to a multiple of `multipleOf`, so that few sizes occur; where
 * it would then be no shorter than the padded batch, there is none.
 */
export function packing({ attentionMask, labels }: Batch, multipleOf: number): Packing {
  // One position of padding at least: it stands for all of them.
  const tokenPositions = chosen(attentionMask, (mask) => mask !== 0, { multipleOf, filling: 1 });
  const labelRows = chosen(labels, (label) => label !== IGNORED_LABEL, { multipleOf, filling: 0 });
  return {
    ...(tokenPositions ? { tokenPositions, positionRows: rowsOf(tokenPositions, attentionMask.length) } : {}),
    ...(labelRows ? { labelRows } : {}),
  };
}

/** The places of wanted values, then, `filling` times or more, one of a value that is not. */
function chosen(
  values: Int32Array,
  wanted: (value: number) => boolean,
  { multipleOf, filling }: { multipleOf: number; filling: number },
): Int32Array | undefined {
  const places = [...values.keys()].filter((place) => wanted(values[place]!));
  const size = Math.max(1, Math.ceil((places.length + filling) / multipleOf)) * multipleOf;
  if (size >= values.length) return undefined;
  const filler = values.findIndex((value) => !wanted(value));
  return Int32Array.from({ length: size }, (_, i) => places[i] ?? filler);
}

/** The row of each of `count` positions; those without one share the last. */
function rowsOf(positions: Int32Array, count: number): Int32Array {
  const rows = new Int32Array(count).fill(positions.length - 1);
  const filler = positions[positions.length - 1];
  positions.forEach((position, row) => {
    if (position !== filler) rows[position] = row;
  });
  return rows;
}
