import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Answered,
  bleuOfOrder,
  compareAnswers,
  correctedConsistency,
  cutAnswer,
  distinctAt,
  labelFacts,
  scoreAnswers,
  scoreIntervals,
} from "../../src/alignment/scores";
import { bleuStatistics, corpusBleu } from "../../src/metrics/bleu";
import { bootstrapInterval } from "../../src/metrics/resampling";
import { nearlyRight, row, sayingScorer } from "./tiny";

const scorer = sayingScorer((fact, answer) =>
  answer.includes("not")
    ? "contradiction"
    : fact.includes("teach") && answer.includes("teach")
      ? "entailment"
      : "neutral",
);
const consistency = { scorer, measured: nearlyRight };
const answers = (texts: readonly string[], change = {}): Answered[] =>
  texts.map((answer, i) => ({
    row: row({ id: String(i), dialogue: String(i >> 1), ...change }),
    answer,
    likelihood: { nats: 6 + i, tokens: 4, bytes: 16 },
  }));
const score = async (answered: readonly Answered[]) =>
  scoreAnswers(answered, consistency, await labelFacts(consistency, answered));
const value = (scored: Awaited<ReturnType<typeof score>>, name: keyof typeof scored) =>
  bootstrapInterval(scored[name]!, { resamples: 10 }).value;

test("BLEU-n is the brevity penalty times the geometric mean of the first n precisions", () => {
  const [hypothesis, reference] = ["I teach at the school today", "I teach at a school"];
  const sums = bleuStatistics(hypothesis, reference);
  const { precisions, brevityPenalty, score: four } = corpusBleu([hypothesis], [reference]);
  assert.ok(Math.abs(bleuOfOrder(sums, 1) - brevityPenalty * precisions[0]!) < 1e-9);
  assert.ok(
    Math.abs(bleuOfOrder(sums, 2) - brevityPenalty * Math.sqrt(precisions[0]! * precisions[1]!)) < 1e-9,
  );
  assert.ok(Math.abs(bleuOfOrder(sums, 4) - four) < 1e-9);
  assert.equal(bleuOfOrder(bleuStatistics("", "a b"), 1), 0);
});

test("C.scores take the largest, or the sum, over the facts; empty answers are neutral, personas without facts not counted", async () => {
  const answered = [
    ...answers(["I teach.", "I do not.", "Hello.", ""]),
    { ...answers(["I teach."])[0]!, row: row({ persona: [], label: null }) },
  ];
  const scored = await score(answered);
  assert.equal(value(scored, "cscore_max"), (1 - 1 + 0 + 0) / 4);
  assert.equal(value(scored, "cscore_sum"), (1 - 3 + 0 + 0) / 4);
  const { max, sum } = correctedConsistency(consistency, await labelFacts(consistency, answered), {
    resamples: 50,
  });
  assert.deepEqual([max.raw.value, sum.raw.value, max.answers], [0, -0.5, 4]);
  assert.ok(sum.corrected.low < sum.raw.value && sum.raw.value < sum.corrected.high);
});

test("perplexity, bits a byte, ROUGE-L, ownership and words", async () => {
  const scored = await score(answers(["I teach at a school.", "I grow beans."]));
  assert.ok(Math.abs(value(scored, "perplexity") - Math.exp(13 / 8)) < 1e-9);
  assert.ok(Math.abs(value(scored, "bitsPerByte") - 13 / Math.LN2 / 32) < 1e-9);
  assert.equal(value(scored, "ownership"), 0.5);
  assert.equal(value(scored, "words"), 4);
  assert.ok(value(scored, "rougeL") > 0.5 && value(scored, "rougeL") < 0.7);
  const unknown = await score(answers(["I grow beans."], { partner: [] }));
  assert.deepEqual(unknown.ownership!.rows, [[0, 0]]);
  const { likelihood: _, ...without } = answers(["Hello."])[0]!;
  assert.equal((await score([without])).perplexity, undefined);
  assert.throws(() => scoreAnswers([], consistency, []), /there are no answers/);
});

test("Chinese is scored by characters", async () => {
  const chinese = { persona: ["我是老师。"], partner: ["我喜欢猫。"], response: "我在学校当老师。" };
  const scored = await score(answers(["我是老师。", "我在学校当老师。"], chinese));
  assert.ok(value(scored, "rougeL") > 0.5);
  assert.equal(value(scored, "words"), 5.5);
  assert.ok(value(scored, "bleu1") > 50);
  assert.equal(cutAnswer({ answer: "我在学校当老师。" }, 3).answer, "我 在 学");
});

test("distinct-n counts in equally many tokens", () => {
  assert.equal(distinctAt(["a b a b", "a b c d"], 1, 4), 0.5);
  assert.equal(distinctAt(["a b a b", "a b c d"], 1, 8), 0.5);
  assert.equal(distinctAt(["a b", "c d e"], 2, 4), 1);
  assert.throws(() => distinctAt(["a b"], 1, 3), /the answers have 2 tokens, not 3/);
});

test("paired differences draw and swap dialogues, and a small one among many is not shown", async () => {
  const texts = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "I teach." : "Hello."));
  const better = await score(answers(texts));
  const worse = await score(answers(texts.map((text, i) => (i < 30 ? "I do not." : text))));
  const pairs = [
    [
      { name: "a", scores: better },
      { name: "b", scores: worse },
    ] as const,
  ];
  const [shown] = compareAnswers(pairs, ["cscore_max"], { resamples: 300, seed: 3 });
  assert.equal(shown!["a − b"], "a − b");
  assert.ok(Math.abs(shown!.difference - (0.5 - (-30 + 5) / 40)) < 1e-9);
  assert.ok(shown!.low > 0.5 && shown!.pValue < 0.01);
  assert.equal(shown!.verdict, "a is higher");
  const [same] = compareAnswers([[pairs[0]![0], { ...pairs[0]![0], name: "c" }]], ["rougeL"], {
    resamples: 50,
  });
  assert.deepEqual([same!.difference, same!.verdict], [0, "no difference shown"]);
  assert.throws(
    () => compareAnswers([[{ name: "x", scores: {} }, pairs[0]![1]]], ["bleu1"]),
    /x has no bleu1/,
  );
});

test("intervals of scores hold them, and rows of a dialogue are drawn together", async () => {
  const scored = await score(answers(["I teach.", "I teach.", "Hello.", "Hello."]));
  assert.equal(scored.cscore_max!.rows.length, 2);
  const { cscore_max: interval } = scoreIntervals(scored, { resamples: 200 });
  assert.deepEqual(interval, { value: 0.5, low: 0, high: 1 });
});
