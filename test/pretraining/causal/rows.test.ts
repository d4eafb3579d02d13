import assert from "node:assert/strict";
import { test } from "node:test";
import { IGNORED_LABEL } from "../../../src/models/language-model";
import { fillRow, rowTensors } from "../../../src/pretraining/causal/rows";

test("texts are numbered in the mask, and neither their first tokens nor what is given are learned", () => {
  const rows = [
    [
      { tokens: [7, 8, 9], given: 0 },
      { tokens: [4, 5, 6], given: 2 },
    ],
    [{ tokens: [3], given: 0 }],
  ];
  const { inputIds, attentionMask, labels } = rowTensors(rows, 7, 0);
  const x = IGNORED_LABEL;
  assert.deepEqual(inputIds!.shape, [2, 7]);
  assert.deepEqual([...inputIds!.data], [7, 8, 9, 4, 5, 6, 0, 3, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...attentionMask!.data], [1, 1, 1, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...labels!.data], [x, 8, 9, x, x, 6, x, x, x, x, x, x, x, x]);
});

test("a text of which nothing is left but what was given has no labels", () => {
  const { inputIds, labels } = rowTensors([[{ tokens: [7, 8], given: 5 }]], 3, 0);
  assert.deepEqual([...inputIds!.data], [7, 8, 0]);
  assert.ok(labels!.data.every((label) => label === IGNORED_LABEL));
});

test("a row is filled until little room is left, and each text is told how much there is", () => {
  const rooms: number[] = [];
  const row = fillRow(200, (room) => {
    rooms.push(room);
    return { tokens: new Array<number>(Math.min(room, 90)).fill(5), given: 0 };
  });
  assert.deepEqual(rooms, [200, 110]);
  assert.equal(row.length, 2);
});
