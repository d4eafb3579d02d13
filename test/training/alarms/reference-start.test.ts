import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { referenceStart } from "../../../src/training/alarms/reference-start";
import type { StepLog } from "../../../src/training/log";
import { frozenModel } from "../../../src/training/policies/frozen";
import { train } from "../../../src/training/trainer";
import { movedAdapter, tinyBase, type TinyDpo, tinyDpoOptions, tinyDpoSpec, tinyPolicy } from "../tiny-dpo";

const row = (chosen: number, rejected: number, step = 1) =>
  ({
    step,
    metrics: {
      "rewards/chosen": chosen,
      "rewards/rejected": rejected,
      "lengths/chosen": 10,
      "lengths/rejected": 20,
    },
  }) as unknown as StepLog;
const start = (startsThere: boolean, beta = 0.1) => referenceStart({ beta, startsThere });

test("rewards of the first step that do not fit what is said of the reference are told", () => {
  assert.match(start(true).check([row(0.05, 0)])!, /0\.050 nats a token away .*startsAtReference: false/);
  assert.match(start(true).check([row(0, -0.2)])!, /0\.100 nats a token away/);
  assert.match(start(true, 0.5).check([row(0.05, 0)])!, /0\.010 nats/);
  assert.equal(start(true).check([row(1e-5, -2e-5)]), undefined);
  assert.match(start(false).check([row(1e-7, 0)])!, /said to be different models/);
  assert.equal(start(false).check([row(0.05, -0.2)]), undefined);
});

test("only the first step of a whole run is looked at", () => {
  assert.equal(start(true).check([row(0, 0), row(1, -1, 2)]), undefined);
  assert.equal(start(true).check([row(1, -1, 7)]), undefined);
  assert.equal(start(true).check([{ step: 1 } as StepLog]), undefined);
});

async function alarmsOf(make: TinyDpo): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "dpo-"));
  try {
    const said: string[] = [];
    await train(await tinyDpoSpec(directory, make), tinyDpoOptions(directory, { maxSteps: 2 }), {
      onMessage: (message, event) => void (event === "alarm" && said.push(message)),
    });
    return said;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("a training says it: the base as reference of a policy that starts from an adapter, and a reference that is no other", async () => {
  const adapter = movedAdapter();
  const [none, ...more] = await alarmsOf({ policy: tinyPolicy({ start: adapter }) });
  assert.match(none!, /^the reference is not what it is said to be: before any step the policy is/);
  assert.equal(more.length, 0);
  const reference = frozenModel(tinyBase, { adapter });
  assert.deepEqual(await alarmsOf({ policy: tinyPolicy({ start: adapter }), reference }), []);
  assert.deepEqual(
    await alarmsOf({ policy: tinyPolicy({ start: adapter }), objective: { startsAtReference: false } }),
    [],
  );
  const same = await alarmsOf({
    policy: tinyPolicy({ start: adapter }),
    reference,
    objective: { startsAtReference: false },
  });
  assert.match(same[0]!, /said to be different models/);
});

for (const frozenWeights of ["int8", "nf4"] as const)
  test(`a base in ${frozenWeights} starts at its reference in ${frozenWeights}, not at that in float32`, async () => {
    const policy = () => tinyPolicy({ frozenWeights });
    assert.deepEqual(
      await alarmsOf({ policy: policy(), reference: frozenModel(tinyBase, { frozenWeights }) }),
      [],
    );
    assert.equal((await alarmsOf({ policy: policy() })).length, 1);
  });
