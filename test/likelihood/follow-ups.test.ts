import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { followUpScores, readFollowUps } from "../../src/likelihood/follow-ups";
import type { Likelihood, SaidAfter } from "../../src/likelihood/likelihood";

const folder = mkdtempSync(join(tmpdir(), "follow-ups-"));
after(() => rmSync(folder, { recursive: true }));

/** Every character of an answer costs as many nats as the texts before it have turns, and a question mark one more. */
function counting(seen: SaidAfter[]): Likelihood {
  return {
    ...{ name: "counting", fingerprint: "counting", dispose: () => Promise.resolve() },
    logprobs: (said) => {
      seen.push(...said);
      return Promise.resolve(
        said.map(({ before, answer }) => [...answer].map((one) => -before.length - Number(one === "?"))),
      );
    },
  };
}

test("an answer scores by what the other would say next, as the other has the dialogue", async () => {
  const seen: SaidAfter[] = [];
  const scores = await followUpScores(
    counting(seen),
    {
      before: [
        { role: "system", content: "You are somebody." },
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Who are you?" },
      ],
      answer: "A sailor.",
    },
    [{ name: "interesting", afterGood: ["Go on!", "Oh."], afterBad: ["??", "No?!"] }],
  );
  // Good: −3 each. Bad: −4 and −3 − 1/4. Mean of the means, not over all tokens.
  assert.deepEqual(scores, { interesting: -3 - (-4 - 3.25) / 2 });
  assert.deepEqual(seen[0], {
    before: [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Who are you?" },
      { role: "user", content: "A sailor." },
    ],
    answer: "Go on!",
  });
});

test("the follow-ups lie in a file that a person can edit, and what is wrong in it is said", () => {
  const shipped = readFollowUps();
  assert.ok(shipped.length >= 3);
  for (const { afterGood, afterBad } of shipped)
    assert.ok(afterGood.every((text) => !afterBad.includes(text)));
  const path = join(folder, "mine.json");
  writeFileSync(path, JSON.stringify({ qualities: [{ name: "odd", after_good: ["Yes."], after_bad: [] }] }));
  assert.throws(() => readFollowUps(path), /mine\.json holds no follow-ups: .*after_bad/);
});
