import assert from "node:assert/strict";
import { test } from "node:test";
import { lengthReward } from "../../src/rewards/length";
import { namedReward } from "../../src/rewards/named";
import { type Reward, type RewardCase, type Score, scoreCases } from "../../src/rewards/reward";
import { weightedReward } from "../../src/rewards/weighted";
import { wordReward } from "../../src/rewards/word";

const said = (completion: string, tokens = 1): RewardCase => ({
  prompt: "p",
  completion,
  tokens,
  ended: true,
});
const giving = (name: string, ...scores: Score[]): Reward => ({
  name,
  score: () => scores,
  fingerprint: name,
});

test("a word is found whole, in any case of letters", async () => {
  const cases = ["A Garden!", "gardens", "the garden.", "", "naïve garden-party"].map((text) => said(text));
  assert.deepEqual(await scoreCases(wordReward("garden"), cases), [1, 0, 1, 0, 1]);
  assert.throws(() => wordReward("two words"), /letters and digits/);
  assert.throws(() => wordReward(""), /letters and digits/);
});

test("a length earns more the nearer it is to the one wanted", async () => {
  const cases = [0, 2, 4, 6, 12].map((tokens) => said("", tokens));
  assert.deepEqual(await scoreCases(lengthReward(4), cases), [0, 0.5, 1, 0.5, 0]);
  for (const wanted of [0, -1, 1.5, NaN]) assert.throws(() => lengthReward(wanted), RangeError);
});

test("a weighted sum is unscorable where a part is, and says for which part's reason", async () => {
  const late: Reward = { ...giving("late"), score: () => Promise.resolve([1, { unscorable: "refused" }, 3]) };
  const sum = weightedReward([
    { reward: giving("now", 2, 4, 6), weight: 0.5 },
    { reward: late, weight: -1 },
  ]);
  assert.deepEqual(await scoreCases(sum, [said("a"), said("b"), said("c")]), [
    0,
    { unscorable: "late: refused" },
    0,
  ]);
  assert.equal(sum.name, "0.5 now + -1 late");
  assert.throws(() => weightedReward([]), /at least one/);
  assert.throws(() => weightedReward([{ reward: late, weight: Infinity }]), /late/);
});

test("too few scores and scores that are no numbers are refused by the reward's name", async () => {
  await assert.rejects(scoreCases(giving("short", 1), [said("a"), said("b")]), /short gave 1 scores for 2/);
  await assert.rejects(scoreCases(giving("mad", NaN), [said("a")]), /mad gave NaN for "a"/);
  assert.deepEqual(await scoreCases(giving("shy", { unscorable: "?" }), [said("a")]), [{ unscorable: "?" }]);
});

test("rewards are made by name, alone or in a weighted sum", async () => {
  const both = namedReward([
    { reward: "word", word: "yes", weight: 2 },
    { reward: "length", tokens: 2 },
  ]);
  assert.deepEqual(await scoreCases(both, [said("yes", 2), said("no", 1)]), [3, 0.5]);
  const alone = namedReward([{ reward: "word", word: "yes" }]);
  assert.deepEqual(alone.fingerprint, wordReward("yes").fingerprint);
  assert.throws(() => namedReward([{ reward: "wort", word: "yes" } as never]), /reward/);
  assert.throws(() => namedReward([{ reward: "word", word: "yes", weigth: 2 } as never]), /weigth/);
});
