import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { int32Tensor } from "../../../src/tensors/tensor";
import { type Alarm, AlarmWatch } from "../../../src/training/alarms/alarm";
import type { StepLog } from "../../../src/training/log";
import { crossEntropyObjective } from "../../../src/training/objectives/cross-entropy";
import { trainOnline } from "../../../src/training/online";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { fullPolicy } from "../../../src/training/policies/full";
import { train, type TrainingHooks } from "../../../src/training/trainer";
import { bigrams } from "../../house/toy";

const directory = mkdtempSync(join(tmpdir(), "alarm-"));
after(() => rmSync(directory, { recursive: true }));
before(() => tf.setBackend("cpu"));

const logged = (step: number): StepLog => ({
  step,
  epoch: 0,
  loss: 1,
  learningRate: 1,
  gradNorm: 1,
  tokensPerSecond: 1,
  seconds: 1,
});

/** Wrong at the steps given. */
const wrongAt = (name: string, ...steps: number[]): Alarm => ({
  name,
  check: (log) => (steps.includes(log.at(-1)!.step) ? `step ${log.at(-1)!.step} is wrong` : undefined),
});

test("an alarm is said once, and again when all was well in between", () => {
  const said: string[] = [];
  const watch = new AlarmWatch([wrongAt("one", 2, 3, 5, 6), wrongAt("two", 3)], (message) =>
    said.push(message),
  );
  const log = [1, 2, 3, 4, 5, 6].map(logged);
  log.forEach((_, i) => watch.check(log.slice(0, i + 1)));
  assert.deepEqual(said, ["one: step 2 is wrong", "two: step 3 is wrong", "one: step 5 is wrong"]);
});

test("both loops ask the alarms of objective and data after every step", async () => {
  const row = (ids: number[]) => int32Tensor([1, ids.length], Int32Array.from(ids));
  const batch = { inputIds: row([3, 4, 5]), attentionMask: row([1, 1, 1]), labels: row([-100, 4, 5]) };
  const policy = () => fullPolicy(bigrams({ vocabSize: 8, width: 4, padTokenId: 0, eosTokenId: 1 }));
  const objective = { ...crossEntropyObjective(), alarms: [wrongAt("of the objective", 2)] };
  const events: string[] = [];
  const hooks: TrainingHooks = {
    onMessage: (message, event) => event === "alarm" && events.push(message),
  };
  const expected = ["of the objective: step 2 is wrong", "of the data: step 3 is wrong"];

  const data = {
    size: 1,
    epochBatches: () => [[0]],
    batch: () => batch,
    validationBatches: () => [],
    tokens: () => 3,
    fingerprint: "one row",
    alarms: [wrongAt("of the data", 3)],
  };
  const options = { ...DEFAULT_TRAINING, schedule: "constant", seed: 1 } as const;
  await train(
    { policy: policy(), objective, data },
    { ...options, outputDirectory: join(directory, "offline"), maxSteps: 3, batchSize: 1 },
    hooks,
  );
  assert.deepEqual(events.splice(0), expected);

  const rollouts = {
    collect: () => Promise.resolve({ steps: () => [[batch]], metrics: {}, tokens: 3 }),
    fingerprint: "one row",
    alarms: data.alarms,
  };
  await trainOnline(
    { policy: policy(), objective, rollouts },
    {
      ...options,
      outputDirectory: join(directory, "online"),
      iterations: 3,
      epochsPerIteration: 1,
      totalSteps: 0,
      saveIterations: 0,
    },
    hooks,
  );
  assert.deepEqual(events, expected);
});
