import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedRows } from "../../src/alignment/dialogues";
import {
  bestThreshold,
  denseWay,
  measureWay,
  overlapWay,
  scorerWay,
  selectionOf,
  tfidfWay,
  withDerivedLabels,
} from "../../src/alignment/labels";
import { row, sayingScorer, unlabelled } from "./tiny";

test("a label is the fact of the greatest score, and none below the threshold", () => {
  assert.equal(selectionOf([0.1, 0.4, 0.4], 0.3), 1);
  assert.equal(selectionOf([0.1, 0.2], 0.3), null);
  assert.equal(selectionOf([], -1), null);
});

test("the threshold is the one that gives the most labels, half-way between two scores", () => {
  assert.equal(bestThreshold([[0.1], [0.2], [0.6], [0.8]], [null, null, 0, 0]), 0.4);
  assert.equal(bestThreshold([[0.1], [0.8]], [null, null]), Infinity);
  assert.throws(() => bestThreshold([], []), /there are none/);
});

test("overlap counts stems of content words, of Chinese characters", async () => {
  const scores = await overlapWay.scores([
    row({ response: "I was teaching, and my boats are red!" }),
    row({ persona: ["我喜欢猫。", "我是老师。"], response: "我在学校当老师。" }),
  ]);
  assert.deepEqual(
    scores[0]!.map((score) => Math.round(100 * score)),
    [67, 50, 0],
  );
  assert.ok(scores[1]![1]! > scores[1]![0]!, String(scores[1]));
});

test("TF-IDF finds a fact by parts of rare words, also in Chinese", async () => {
  const scores = await tfidfWay.scores([
    row({ response: "He is a chemist's son." }),
    row({ response: "The dog barks at night." }),
    row({ persona: ["我喜欢猫。", "我是老师。"], response: "我在学校当老师。" }),
  ]);
  assert.equal(selectionOf(scores[0]!, 0.01), 1);
  assert.equal(selectionOf(scores[1]!, 0.01), 2);
  assert.ok(scores[2]![1]! > scores[2]![0]!);
});

test("a scorer labels by entailment, and one that knows none is refused", async () => {
  const scorer = sayingScorer((fact) => (fact.includes("Bo") ? "entailment" : "neutral"));
  const scores = await scorerWay(scorer).scores([row()]);
  assert.equal(selectionOf(scores[0]!, 0.5), 2);
  assert.deepEqual(scorer.asked[0], ["I sail a red boat.", "I teach at a school."]);
  await assert.rejects(
    scorerWay({ ...scorer, labels: ["yes", "no"] }).scores([row()]),
    /is told by one that says entailment/,
  );
});

test("dense vectors are compared by their cosine", async () => {
  const embedder = {
    embed: (texts: readonly string[]) =>
      Promise.resolve(
        Float32Array.from(texts.flatMap((text) => (/teach|school/.test(text) ? [1, 0] : [0, 1]))),
      ),
    dispose: () => Promise.resolve(),
  };
  assert.deepEqual(await denseWay("two numbers", embedder).scores([row()]), [[0, 1, 0]]);
});

test("derived labels leave those that are there", async () => {
  const [own, derived] = await withDerivedLabels([row({ label: 0 }), unlabelled()], {
    way: overlapWay,
    threshold: 0.3,
  });
  assert.deepEqual([own!.label, derived!.label], [0, 1]);
});

test("on the labelled turns TF-IDF and overlap find four of five labels, with thresholds of other dialogues", async () => {
  const { valid, test: held } = await embeddedRows();
  const rows = [...valid, ...held];
  assert.equal(rows.length, 200);
  for (const way of [overlapWay, tfidfWay]) {
    const { agreement, threshold } = await measureWay(way, rows, { resamples: 200 });
    assert.ok(
      agreement.accuracy.value > 0.8 && agreement.kappa.value > 0.7,
      `${way.name}: ${agreement.accuracy.value}`,
    );
    assert.ok(agreement.noneRecall.value > 0.6 && agreement.nonePrecision.value > 0.6);
    assert.ok(threshold > 0 && threshold < 1);
  }
  await assert.rejects(measureWay(overlapWay, [row()]), /there is only one/);
  await assert.rejects(measureWay(overlapWay, [unlabelled()]), /has no label/);
});

test("a threshold is never chosen on the dialogue it judges", async () => {
  // In one half the scores of rows with a fact are high, in the other low: a threshold of the own half would be right throughout.
  const rows = Array.from({ length: 40 }, (_, i) =>
    row({ id: String(i), dialogue: String(i), label: Math.floor(i / 2) % 2 === 0 ? 0 : null }),
  );
  const way = {
    name: "halves",
    scores: () =>
      Promise.resolve(rows.map(({ label }, i) => [(label === null ? 0 : 1) + (i % 2 === 0 ? 10 : 0)])),
  };
  const { agreement } = await measureWay(way, rows, { resamples: 10 });
  assert.equal(agreement.accuracy.value, 0.5);
});
