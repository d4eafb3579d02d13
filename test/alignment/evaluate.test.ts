import assert from "node:assert/strict";
import { test } from "node:test";
import { type NamedAnswers, scoreVariants, selectionPrice } from "../../src/alignment/evaluate";
import { nearlyRight, row, sayingScorer } from "./tiny";

const consistency = { scorer: sayingScorer(() => "neutral"), measured: nearlyRight };
const rows = Array.from({ length: 12 }, (_, i) => row({ id: String(i), dialogue: String(i), label: i % 2 }));
/** Answers to whose responses the model was this much surprised. */
const answers = (name: string, nats: (i: number) => number): NamedAnswers => ({
  name,
  answered: rows.map((one, i) => ({
    row: one,
    answer: "I teach.",
    likelihood: { nats: nats(i), tokens: 1, bytes: 4 },
  })),
});
const sets = {
  predicted: answers("predicted", (i) => (i < 8 ? 1 : 3)),
  none: answers("none", () => 2),
  gold: answers("gold", () => 1),
};

test("what a wrong selection costs is told apart from what a right one brings", async () => {
  const selected = new Map(rows.map(({ id, label }, i) => [id, i < 8 ? label! : null]));
  const price = await selectionPrice(sets, selected, consistency, ["perplexity"], { resamples: 20 });
  assert.deepEqual(
    price.map(({ selection, rows: count, difference, ...line }) => [
      selection,
      count,
      line["a − b"],
      difference.toFixed(2),
    ]),
    [
      ["right", 8, "predicted − none", (Math.E - Math.exp(2)).toFixed(2)],
      ["right", 8, "predicted − gold", "0.00"],
      ["wrong", 4, "predicted − none", (Math.exp(3) - Math.exp(2)).toFixed(2)],
      ["wrong", 4, "predicted − gold", (Math.exp(3) - Math.E).toFixed(2)],
    ],
  );
});

test("where every selection is right, nothing is said of wrong ones", async () => {
  const selected = new Map(rows.map(({ id, label }) => [id, label!]));
  const price = await selectionPrice(sets, selected, consistency, ["rougeL"], { resamples: 20 });
  assert.deepEqual([...new Set(price.map(({ selection }) => selection))], ["right"]);
});

test("personas without facts have no C.score", async () => {
  const nobody = rows.map((one) => ({ row: { ...one, persona: [] }, answer: "Hello." }));
  const [scored] = await scoreVariants([{ name: "nobody", answered: nobody }], consistency, {
    resamples: 20,
  });
  assert.equal(scored!.consistency, undefined);
  assert.deepEqual([scored!.intervals.cscore_max, scored!.intervals.perplexity], [undefined, undefined]);
});
