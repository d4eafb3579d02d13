import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { llamaArchitecture } from "../../src/models/llama/architecture";
import { recordFunction } from "../../src/engine/recording";
import { Random } from "../../src/random/random";
import { float32Tensor } from "../../src/tensors/tensor";
import { exampleBatches } from "../../src/training/example-batches";
import { crossEntropyObjective } from "../../src/training/objectives/cross-entropy";
import { frozenWeights, type FrozenWeights } from "../../src/training/policies/frozen";
import { loraPolicy } from "../../src/training/policies/lora";
import { zerosLike } from "../../src/training/policy";
import { TrainingPrograms } from "../../src/training/programs";
import { tinySpec } from "./tiny-run";

const config = llamaArchitecture.parseConfig(
  {
    vocab_size: 50,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    attention_dropout: 0.1,
    tie_word_embeddings: true,
  },
  "a tiny Llama",
);

function tinyPolicy(weights: FrozenWeights, recompute: boolean) {
  const random = new Random(2);
  const parameters = new Map(
    Object.entries(llamaArchitecture.parameterShapes(config)).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      return [
        name,
        float32Tensor(
          shape,
          data.map(() => (shape.length === 1 ? 1 : 0.1) * (1 + random.normal())),
        ),
      ];
    }),
  );
  const lora = {
    rank: 2,
    alpha: 4,
    dropout: 0.2,
    useRslora: false,
    targetModules: ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"],
    modulesToSave: [],
  };
  const policy = loraPolicy(
    { architecture: llamaArchitecture, config, parameters },
    { lora, unfreezing: {}, seed: 3, baseModel: null, frozenWeights: weights, recompute },
  );
  for (const [name, { data }] of policy.trained)
    if (name.includes("lora_B")) for (let i = 0; i < data.length; i++) data[i] = 0.1 * random.normal();
  return policy;
}

const random = new Random(7);
const words = (count: number) => Array.from({ length: count }, () => random.integer(50));
const data = exampleBatches(
  [3, 9, 5].map((length) => ({ inputIds: words(length), labels: words(4) })),
  [],
  { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 8 },
);

for (const weights of frozenWeights)
  test(`blocks that are computed twice give the loss and gradients of those that are kept, ${weights}`, async () => {
    const run = async (recompute: boolean) => {
      const policy = tinyPolicy(weights, recompute);
      const programs = new TrainingPrograms(policy, crossEntropyObjective(), {});
      const gradients = zerosLike(policy.trained);
      const { loss } = await programs.gradients(data.batch([0, 1, 2], 4), { seed: 1, step: 0 }, gradients);
      await programs.dispose();
      return { loss, gradients };
    };
    const [kept, twice] = [await run(false), await run(true)];
    assert.deepEqual(twice.loss, kept.loss);
    for (const [name, { data }] of kept.gradients) {
      assert.ok(
        data.some((value) => value !== 0),
        name,
      );
      assert.deepEqual(twice.gradients.get(name)!.data, data, name);
    }
  });

test("validation computes no block twice", () => {
  const nodes = (recompute: boolean) => {
    const policy = tinyPolicy("float32", recompute);
    const inputs = {
      parameters: Object.fromEntries([...policy.frozen, ...policy.trained]),
      batch: { ...data.batch([0], 1) },
    };
    return recordFunction(({ parameters, batch }) => {
      const model = policy.model(parameters, false);
      return { loss: crossEntropyObjective().measure(model, batch, false).loss.sum };
    }, inputs).model.nodes.length;
  };
  assert.equal(nodes(true), nodes(false));
});

test("an architecture that cannot compute its blocks twice is refused by name", () => {
  assert.throws(
    () => tinySpec({ policy: { recompute: true } }),
    /recompute: T5 cannot compute its blocks a second time/,
  );
});

test("a step with blocks that are computed twice needs less memory", () => {
  const peak = (recompute: boolean) => {
    const child = join(__dirname, "recompute-step.ts");
    const output = execFileSync(process.execPath, ["--require", "tsx/cjs", child, String(recompute)], {
      encoding: "utf8",
    });
    return Number(output.trim().split("\n").at(-1));
  };
  const [kept, twice] = [peak(false), peak(true)];
  assert.ok(twice < kept - 40, `peak of ${twice} MiB with recomputation, ${kept} MiB without`);
});
