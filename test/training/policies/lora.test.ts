import assert from "node:assert/strict";
import { test } from "node:test";
import type { Adapter } from "../../../src/models/lora/adapter";
import { exampleBatches } from "../../../src/training/example-batches";
import { crossEntropyObjective } from "../../../src/training/objectives/cross-entropy";
import { zerosLike } from "../../../src/training/policy";
import { TrainingPrograms } from "../../../src/training/programs";
import { loraPolicy, type LoraPolicyOptions } from "../../../src/training/policies/lora";
import { tinyLlama } from "../../models/llama/tiny-llama";

const lora = {
  rank: 4,
  alpha: 8,
  dropout: 0,
  useRslora: false,
  targetModules: ["q_proj", "v_proj"],
  modulesToSave: [],
};
const base = tinyLlama();
const policyOf = (options: Partial<LoraPolicyOptions> = {}) =>
  loraPolicy(base, { lora, unfreezing: {}, seed: 1, baseModel: null, ...options });

function trainedAdapter(options: Partial<LoraPolicyOptions> = {}): Adapter {
  const policy = policyOf(options);
  for (const { data } of policy.trained.values()) data.forEach((_, i) => (data[i]! += (i % 7) / 10));
  return policy.adapter();
}

test("a policy goes on from an adapter, which stays as it is", () => {
  for (const unfreezing of [{}, { layers: 1 }] as Record<string, number>[]) {
    const start = trainedAdapter({ unfreezing });
    const policy = policyOf({ start, unfreezing, lora: { ...lora, dropout: 0.1 } });
    const expected = [...start.weights, ...start.unfrozen].map(([name, { data }]) => [name, [...data]]);
    const now = () => [...policy.trained].map(([name, { data }]) => [name, [...data]]);
    assert.deepEqual(new Map(now() as [string, number[]][]), new Map(expected as [string, number[]][]));
    for (const { data } of policy.trained.values()) data.fill(0);
    assert.deepEqual(
      [...start.weights, ...start.unfrozen].map(([name, { data }]) => [name, [...data]]),
      expected,
    );
  }
});

test("a policy without dropout draws none, whatever its adapter's is, and is another policy", async () => {
  const batch = exampleBatches([{ inputIds: [5, 9, 3], labels: [7, 8, 96] }], [], {
    taskType: "CAUSAL_LM",
    padTokenId: 0,
    padToMultipleOf: 4,
  }).batch([0], 1);
  const dropping = { lora: { ...lora, dropout: 0.5 }, start: trainedAdapter() };
  const lossAt = async (step: number, dropout?: boolean) => {
    const policy = policyOf({ ...dropping, ...(dropout === undefined ? {} : { dropout }) });
    const programs = new TrainingPrograms(policy, crossEntropyObjective(), {});
    const { loss } = await programs.gradients(batch, { seed: 1, step }, zerosLike(policy.trained));
    await programs.dispose();
    return loss.sum;
  };
  assert.notEqual(await lossAt(0), await lossAt(1));
  assert.equal(await lossAt(0, false), await lossAt(1, false));
  const print = (options: Partial<LoraPolicyOptions>) => JSON.stringify(policyOf(options).fingerprint);
  assert.notEqual(print({ dropout: false }), print({}));
  assert.equal(print({ dropout: true }), print({}));
});

test("where a policy starts is part of its fingerprint", () => {
  const start = trainedAdapter();
  const prints = [policyOf(), policyOf({ start }), policyOf({ start: policyOf().adapter() })].map(
    ({ fingerprint }) => JSON.stringify(fingerprint),
  );
  assert.equal(new Set(prints).size, 3);
  assert.equal(JSON.stringify(policyOf({ start }).fingerprint), prints[1]);
});

test("an adapter that is not of the shape to be trained is refused, with what to do", () => {
  const refused = (start: Adapter, options: Partial<LoraPolicyOptions>, message: RegExp) =>
    assert.throws(() => policyOf({ ...options, start }), message);
  const start = trainedAdapter();
  refused(start, { lora: { ...lora, alpha: 16 } }, /scales B·A by 2, where this training would by 4/);
  refused(
    start,
    { lora: { ...lora, rank: 2, alpha: 4 } },
    /lora_A\.weight in shape \[4, 32\], which is trained here: take its rank/,
  );
  refused(
    start,
    { lora: { ...lora, targetModules: ["q_proj"] } },
    /has .*v_proj.*, which is not trained here/,
  );
  refused(start, { lora: { ...lora, targetModules: ["q_proj", "v_proj", "o_proj"] } }, /has no .*o_proj/);
  refused(trainedAdapter({ unfreezing: { layers: 1 } }), {}, /not trained here.*unfrozen blocks/);
});
