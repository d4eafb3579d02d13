import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LORA } from "../../src/models/lora/config";
import { Random } from "../../src/random/random";
import { TrainingPrograms } from "../../src/training/programs";
import type { LoraPolicyOptions } from "../../src/training/policies/lora";
import { zerosLike } from "../../src/training/policy";
import { tinySpec } from "./tiny-run";

const lora = { ...DEFAULT_LORA, rank: 2, alpha: 4, dropout: 0.1, modulesToSave: [] };

/** Loss and gradients of one batch, with adapters that do something. */
async function gradients(change: Partial<LoraPolicyOptions>) {
  const { policy, objective, data } = tinySpec({ policy: { lora, ...change } });
  const random = new Random(5);
  for (const [name, { data }] of policy.trained) {
    if (name.includes("lora_B")) data.forEach((_, i) => (data[i] = 0.1 * random.normal()));
  }
  const programs = new TrainingPrograms(policy, objective, {});
  const into = zerosLike(policy.trained);
  const { loss } = await programs.gradients(data.batch([0, 1, 2, 3], 4), { seed: 1, step: 2 }, into);
  await programs.dispose();
  return { policy, loss: loss.sum, gradients: [...into.values()].flatMap(({ data }) => [...data]) };
}

test("8-bit frozen weights: what is trained, embedding, norms, queries, keys and the lm_head stay float32", async () => {
  const { policy } = await gradients({ frozenWeights: "int8" });
  const exact = tinySpec({ policy: { lora } }).policy;
  assert.deepEqual([...policy.trained.keys()], [...exact.trained.keys()]);
  const unfrozen = /encoder\.block\.1\./;
  for (const [name, tensor] of exact.frozen) {
    const kept = policy.frozen.get(name);
    const isLinear = /\.(v|o|wi_0|wi_1|wo)\.weight$/.test(name);
    assert.ok(!unfrozen.test(name));
    if (isLinear) {
      assert.equal(kept, undefined, name);
      assert.equal(policy.frozen.get(`${name}.int8`)?.dtype, "int8");
    } else assert.deepEqual(kept, tensor, name);
  }
  assert.ok(![...policy.frozen.keys()].some((name) => unfrozen.test(name)));
});

test("8-bit frozen weights: loss and gradients stay near the exact ones", async () => {
  const exact = await gradients({});
  const rounded = await gradients({ frozenWeights: "int8" });
  const off = Math.hypot(...rounded.gradients.map((value, i) => value - exact.gradients[i]!));
  const relative = off / Math.hypot(...exact.gradients);
  const lossOff = Math.abs(rounded.loss / exact.loss - 1);
  assert.ok(relative > 0 && relative < 0.15, `gradients are off by ${relative}`);
  assert.ok(lossOff < 0.005, `the loss is off by ${lossOff}`);
});
