import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { keptReward } from "../../src/rewards/kept";
import type { Reward, RewardCase, Score } from "../../src/rewards/reward";

const directory = mkdtempSync(join(tmpdir(), "kept-"));
after(() => rmSync(directory, { recursive: true }));

const said = (completion: string, prompt = "p"): RewardCase => ({
  prompt,
  completion,
  tokens: 1,
  ended: true,
});

/** A judge that answers another number each time that it is asked, and notes what it was asked. */
function moody(fingerprint = "moody") {
  const asked: string[] = [];
  const reward: Reward = {
    name: "moody",
    async score(cases) {
      return cases.map(({ completion }): Score => {
        asked.push(completion);
        if (completion === "unreachable") throw new Error("the judge cannot be reached");
        return completion === "?" ? { unscorable: "no answer" } : asked.length;
      });
    },
    fingerprint,
  };
  return { asked, reward };
}

test("an answer is given once, also for equal cases of one call, and stands after a kill", async () => {
  const path = join(directory, "once", "answers.jsonl");
  const first = moody();
  const kept = keptReward(first.reward, path);
  assert.deepEqual(await kept.score([said("a"), said("b"), said("a"), said("?")]), [
    1,
    2,
    1,
    { unscorable: "no answer" },
  ]);
  assert.deepEqual(await kept.score([said("a", "other prompt")]), [4]);
  // A killed process leaves half a line.
  appendFileSync(path, '{"key":"abc","sc');
  const second = moody();
  const again = keptReward(second.reward, path);
  assert.deepEqual(await again.score([said("b"), said("?"), said("c")]), [2, { unscorable: "no answer" }, 1]);
  assert.deepEqual(second.asked, ["c"]);
  assert.equal(readFileSync(path, "utf8").trim().split("\n").length, 5);
  const third = moody();
  assert.deepEqual(await keptReward(third.reward, path).score([said("c")]), [1]);
});

test("what was answered before the judge broke is kept; what broke is asked again", async () => {
  const path = join(directory, "broken.jsonl");
  const first = moody();
  await assert.rejects(async () => keptReward(first.reward, path).score([said("a"), said("unreachable")]));
  const second = moody();
  assert.deepEqual(await keptReward(second.reward, path).score([said("a")]), [1]);
  assert.deepEqual(second.asked, []);
});

test("another judge's answers are not taken for this one's", async () => {
  const path = join(directory, "two.jsonl");
  await keptReward(moody("one").reward, path).score([said("a")]);
  const other = moody("other");
  await keptReward(other.reward, path).score([said("a")]);
  assert.deepEqual(other.asked, ["a"]);
});
