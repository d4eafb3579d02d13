import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bothFall } from "../../../src/training/alarms/both-fall";
import type { StepLog } from "../../../src/training/log";
import { train } from "../../../src/training/trainer";
import { tinyDpoOptions, tinyDpoSpec } from "../tiny-dpo";

/** A log of these rewards. */
const logOf = (steps: number, rewards: (step: number) => [chosen: number, rejected: number]) =>
  Array.from({ length: steps }, (_, i) => {
    const [chosen, rejected] = rewards(i);
    return {
      step: i + 1,
      metrics: { "rewards/chosen": chosen, "rewards/rejected": rejected },
    } as unknown as StepLog;
  });
const alarm = bothFall(0.1);

test("both falling is said in nats, after twenty steps", () => {
  const falling = (): [number, number] => [-0.3, -0.9];
  assert.equal(alarm.check(logOf(19, falling)), undefined);
  assert.match(
    alarm.check(logOf(20, falling))!,
    /chosen answers are 3\.0 nats and rejected ones 9\.0 nats less likely .*sftWeight/,
  );
  assert.match(bothFall(0.3).check(logOf(20, falling))!, /chosen answers are 1\.0 nats/);
});

test("one that falls alone, noise, rounding and what is long ago are no alarm", () => {
  assert.equal(alarm.check(logOf(40, () => [0.1, -2])), undefined);
  assert.equal(alarm.check(logOf(40, () => [-2, 0.1])), undefined);
  assert.equal(alarm.check(logOf(40, () => [-1e-6, -1e-6])), undefined);
  assert.equal(alarm.check(logOf(40, (i) => [i % 2 ? 2 : -2.1, -1])), undefined);
  assert.equal(alarm.check(logOf(60, (i) => (i < 30 ? [-1, -1] : [0.2, -1]))), undefined);
});

test("steps of another objective say nothing", () => {
  assert.equal(alarm.check(Array.from({ length: 30 }, (_, i) => ({ step: i + 1 }) as StepLog)), undefined);
});

test("a training at far too high a rate raises it, one at a good rate does not", async () => {
  for (const [learningRate, expected] of [
    [0.3, 1],
    [0.01, 0],
  ] as const) {
    const directory = mkdtempSync(join(tmpdir(), "dpo-"));
    try {
      const said: string[] = [];
      const options = tinyDpoOptions(directory, { maxSteps: 30, learningRate });
      await train(await tinyDpoSpec(directory), options, {
        onMessage: (message, event) => void (event === "alarm" && said.push(message)),
      });
      const own = said.filter((message) => message.startsWith("both log-probabilities fall: "));
      assert.equal(own.length > 0 ? 1 : 0, expected, `${learningRate}: ${said.join("\n")}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
});
