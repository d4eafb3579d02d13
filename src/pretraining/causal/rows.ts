import { IGNORED_LABEL } from "../../models";
import { int32Tensor } from "../../tensors";
import type { BatchTensors } from "../../training";
import type { CausalText } from "./text";

/** Room that is left empty at the end of a row: no text is worth beginning in less. */
const LEAST_ROOM = 32;

/** Texts side by side in one row of a batch; none sees another. */
export type Row = readonly CausalText[];

/** Draws texts until a row is full. @param draw a text of at most `room` tokens */
export function fillRow(length: number, draw: (room: number) => CausalText): Row {
  const texts: CausalText[] = [];
  for (let room = length; room >= LEAST_ROOM;) {
    const text = draw(room);
    texts.push(text);
    room -= text.tokens.length;
  }
  return texts;
}

/** Rows as a batch [rows, length]: the mask numbers the texts of a row, and the first token of each has no label. */
export function rowTensors(rows: readonly Row[], length: number, padTokenId: number): BatchTensors {
  const size = rows.length * length;
  const inputIds = new Int32Array(size).fill(padTokenId);
  const attentionMask = new Int32Array(size);
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  rows.forEach((texts, row) => {
    let at = row * length;
    texts.forEach(({ tokens, given }, number) => {
      const end = at + tokens.length;
      inputIds.set(tokens, at);
      attentionMask.fill(number + 1, at, end);
      const unlearned = Math.min(Math.max(1, given), tokens.length);
      labels.set(tokens.slice(unlearned), at + unlearned);
      at = end;
    });
  });
  const shape = [rows.length, length];
  return {
    inputIds: int32Tensor(shape, inputIds),
    attentionMask: int32Tensor(shape, attentionMask),
    labels: int32Tensor(shape, labels),
  };
}
