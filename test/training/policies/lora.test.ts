import assert from "node:assert/strict";
import { test } from "node:test";
import type { Adapter } from "../../../src/models/lora/adapter";
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
