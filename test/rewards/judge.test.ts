import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Standing } from "../../src/judges/card";
import type { Judge, JudgeCase } from "../../src/judges/case";
import { judgeReward } from "../../src/rewards/judge";
import { type RewardCase, scoreCases } from "../../src/rewards/reward";

const one = (completion: string): RewardCase => ({
  prompt: "Hello",
  completion,
  tokens: 1,
  ended: true,
  about: { facts: ["I sail."] },
});
const shown = {
  name: "facts",
  of: ({ prompt, completion, about }: RewardCase): JudgeCase => ({
    persona: { facts: about!["facts"] as string[] },
    history: [{ by: "other", text: prompt }],
    answer: completion,
  }),
};
const judge = (scale: [number, number], score: (one: JudgeCase) => number | undefined): Judge => ({
  name: "a judge",
  scale,
  fingerprint: "a judge",
  judge: async (one) => {
    await new Promise((resolve) => setTimeout(resolve, 10 * one.answer.length));
    const given = score(one);
    return given === undefined ? { unscorable: "no idea" } : { score: given, reason: "because" };
  },
});

test("a judge that must be measured rewards only if it was, and is not blind", () => {
  const measured = (low: number): Standing => {
    const told = {
      places: 9,
      auc: { value: 0.8, low, high: 0.9 },
      agreement: { value: 0.8, low, high: 0.9 },
    };
    return {
      card: {
        ...{ judge: "a judge", fingerprint: "", labels: "me", data: "mine", dialogues: 9, unscorable: 0 },
        ...{ contradicted: told, swapped: told, parts: {}, command: "npm run judge" },
      },
    };
  };
  const rewarded = (standing: Standing) => judgeReward({ ...judge([0, 1], () => 1), standing }, shown);
  assert.equal(rewarded(measured(0.71)).name, "a judge");
  assert.throws(
    () => rewarded(measured(0.7)),
    /a judge may not reward or decide: .* AUC of 0\.80 \[0\.70, 0\.90\].* measure again with npm run judge/,
  );
  assert.throws(() => rewarded({ missing: "no card" }), /nobody has measured it \(no card\).*npm run judge/);
});

describe("a judge rewards", () => {
  for (const [scale, score, reward] of [
    [[0, 1], 0.75, 0.5],
    [[0, 1], 0, -1],
    [[-1, 1], -0.5, -0.5],
    [[1, 10], 10, 1],
  ] as const)
    test(`${score} of ${scale.join("…")} as ${reward}`, async () => {
      assert.deepEqual(
        await scoreCases(
          judgeReward(
            judge([...scale], () => score),
            shown,
          ),
          [one("a")],
        ),
        [reward],
      );
    });

  test("each case by itself, in order, whoever is judged first; what it cannot score is unscorable", async () => {
    const seen: JudgeCase[] = [];
    const reward = judgeReward(
      judge([0, 1], (one) => {
        seen.push(one);
        return one.answer === "bb" ? undefined : 1;
      }),
      shown,
    );
    const scores = await scoreCases(reward, [one("a".repeat(20)), one("bb"), one("c")]);
    assert.deepEqual(scores, [1, { unscorable: "no idea" }, 1]);
    assert.deepEqual(
      seen.map(({ answer }) => answer.length),
      [1, 2, 20],
    );
    assert.deepEqual(seen[0]!.persona, { facts: ["I sail."] });
  });
});
