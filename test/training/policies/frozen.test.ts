import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../../src/engine/compile";
import { mergeAdapter } from "../../../src/models/lora/weights";
import { frozenModel, type FrozenModel } from "../../../src/training/policies/frozen";
import { loraPolicy, type LoraPolicy } from "../../../src/training/policies/lora";
import type { BatchTensors } from "../../../src/training/data";
import { exampleBatches } from "../../../src/training/example-batches";
import type { LabelledBatch, LanguageModel } from "../../../src/models/language-model";
import type { NamedTensors } from "../../../src/models/layers/linear";
import type { ProgramTensor } from "../../../src/engine/tensors";
import { Random } from "../../../src/random/random";
import { tinyLlama } from "../../models/llama/tiny-llama";

const lora = {
  rank: 4,
  alpha: 8,
  dropout: 0.3,
  useRslora: false,
  targetModules: ["q_proj", "down_proj"],
  modulesToSave: [],
};
const base = tinyLlama();
const settings = { lora, unfreezing: { layers: 1 }, seed: 1, baseModel: null };

/** A policy with a trained adapter: no part of it is zero or as it was. */
function moved(options: Partial<Parameters<typeof loraPolicy>[1]> = {}): LoraPolicy {
  const policy = loraPolicy(base, { ...settings, ...options });
  const random = new Random(5);
  for (const { data } of policy.trained.values())
    data.forEach((value, i) => (data[i] = value + 0.05 * (random.uniform() - 0.5)));
  return policy;
}

const batch = exampleBatches(
  [
    { inputIds: [5, 9, 3], labels: [7, 8, 96] },
    { inputIds: [4], labels: [11, 96] },
  ],
  [],
  { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 4 },
).batch([0, 1], 2);

async function losses(
  parameters: ReadonlyMap<string, ProgramTensor>,
  model: (tensors: NamedTensors) => LanguageModel,
): Promise<number[]> {
  const inputs = { parameters: Object.fromEntries(parameters), batch: { ...batch } as BatchTensors };
  const program = await compile(
    ({ parameters, batch }) => ({
      losses: model(parameters).labelLosses(batch as unknown as LabelledBatch),
    }),
    inputs,
  );
  const { losses } = await program.run(inputs);
  await program.dispose();
  return [...(losses.data as Float32Array)];
}

const ofFrozen = (frozen: FrozenModel) => losses(frozen.parameters, (tensors) => frozen.model(tensors));
const ofPolicy = (policy: LoraPolicy) =>
  losses(new Map([...policy.frozen, ...policy.trained]), (tensors) => policy.model(tensors, false));

for (const frozenWeights of ["float32", "int8", "nf4"] as const) {
  test(`a frozen model in ${frozenWeights} computes what a policy over the same base does, bit for bit`, async () => {
    const policy = moved({ frozenWeights });
    const frozen = frozenModel(base, { adapter: policy.adapter(), frozenWeights });
    assert.deepEqual(await ofFrozen(frozen), await ofPolicy(policy));
    const off = await ofFrozen(frozenModel(base, { frozenWeights }));
    assert.notDeepEqual(off, await ofPolicy(policy));
    assert.deepEqual(off, await ofPolicy(loraPolicy(base, { ...settings, frozenWeights, unfreezing: {} })));
  });
}

test("an adapter merged into its base is the same model, within rounding", async () => {
  const adapter = moved().adapter();
  const merged = { ...base, parameters: mergeAdapter(base.parameters, adapter) };
  const [a, b] = [await ofFrozen(frozenModel(merged)), await ofFrozen(frozenModel(base, { adapter }))];
  a.forEach((loss, i) => assert.ok(Math.abs(loss - b[i]!) < 1e-4, `${loss} and ${b[i]}`));
});

test("a frozen model's fingerprint changes with its base, its adapter and how weights are kept", () => {
  const policy = moved();
  const adapter = policy.adapter();
  const print = (...[model, options]: Parameters<typeof frozenModel>) =>
    JSON.stringify(frozenModel(model, options).fingerprint);
  const whole = print(base, { adapter });
  assert.equal(print(base, { adapter: moved().adapter() }), whole);
  const other = tinyLlama();
  other.parameters.get("model.norm.weight")!.data[0]! += 1e-6;
  const scaled = { ...adapter, config: { ...adapter.config, alpha: 9 } };
  const prints = [
    whole,
    print(base),
    print(base, { adapter: scaled }),
    print(base, { adapter, frozenWeights: "nf4" }),
    print(other, { adapter }),
  ];
  const [, first] = policy.trained.keys();
  policy.trained.get(first!)!.data[3]! += 1e-6;
  prints.push(print(base, { adapter }));
  assert.equal(new Set(prints).size, prints.length);
});
