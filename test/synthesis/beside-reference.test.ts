import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialogue } from "../../src/corpus/dialogue";
import { readReferenceDistributions } from "../../src/statistics/distributions";
import { besideReference } from "../../src/synthesis/beside-reference";

test("a row a measure: median and middle nine tenths, beside those of the reference's file", () => {
  const turn = (text: string) => ({ speaker: 1, text }) as const;
  const dialogue: Dialogue = {
    id: "one",
    personas: [{ facts: ["I row."] }, { facts: ["I sing at night.", "I bake."] }],
    turns: [turn("I row"), turn("good for you all"), turn("thanks")],
  };
  const rows = besideReference({ made: [dialogue], none: [] });
  const { turns } = readReferenceDistributions().percentiles;
  assert.deepEqual(rows[0], {
    measure: "turns a conversation",
    made: "3 [3, 3]",
    none: "–",
    "Synthetic-Persona-Chat": `${turns![50]} [${turns![5]}, ${turns![95]}]`,
  });
  assert.deepEqual(
    rows.slice(1, 4).map(({ measure, made }) => [measure, made!.split(" ")[0]]),
    [["words a turn", "2"], ["facts a persona", "1.50"], ["words a fact", "2"]],
  ); // prettier-ignore
});
