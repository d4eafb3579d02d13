import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import type { Device } from "../../src/engine/devices";
import { type LabelledBatch, lossSums } from "../../src/models/language-model";
import { readAdapter } from "../../src/models/lora/adapter";
import { DEFAULT_LORA } from "../../src/models/lora/config";
import { openModelDirectory } from "../../src/models/pretrained/read";
import { nf4 } from "../../src/models/quantization/nf4";
import { adamW, clipFactor, DEFAULT_ADAMW, globalNorm, type Moments } from "../../src/training/adamw";
import { loraPolicy } from "../../src/training/policies/lora";
import { zerosLike } from "../../src/training/policy";
import {
  closeTo,
  type LlamaFixture,
  matchesSummary,
  type Summary,
  testEveryLlama,
} from "../models/llama-fixtures";
import { tinySpec } from "./tiny-run";

interface Expected {
  readonly qlora_all: {
    readonly cases: Record<string, { loss_mean: number; grads: Record<string, Summary> }>;
    readonly training: {
      readonly steps: readonly { batch: string; lr: number; loss: number; grad_norm_before_clip: number }[];
      readonly loss_after: Record<string, number>;
    };
  };
}

const numbers = (tensor: { data: unknown }) => tensor.data as Float32Array;
const peftName = (name: string) => `base_model.model.${name}`;

/** The adapter lora_all over the base as bitsandbytes keeps it, or over one that is rounded here. */
function policyOf(fixture: LlamaFixture, base: "nf4" | ".") {
  const model = openModelDirectory(join(fixture.directory, base));
  const adapter = join(fixture.directory, "lora_all");
  const { config } = readAdapter(adapter, model);
  const policy = loraPolicy(model, {
    lora: { ...config, dropout: 0 },
    unfreezing: {},
    seed: 1,
    baseModel: null,
    frozenWeights: "nf4",
  });
  policy.read(adapter);
  model.close();
  return policy;
}

/** The mean loss of a batch, and its gradients for what is trained. */
async function gradientsOf(
  { policy, fixture }: { policy: ReturnType<typeof policyOf>; fixture: LlamaFixture },
  input: string,
  device: Device,
) {
  const given = {
    batch: fixture.batch(input),
    frozen: Object.fromEntries(policy.frozen),
    trained: Object.fromEntries(policy.trained),
  };
  const names = [...policy.trained.keys()];
  const program = await compile(
    ({ batch, frozen, trained }) => {
      const mean = (...values: tf.Tensor[]) => {
        const now = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const model = policy.model({ ...frozen, ...now }, true);
        const { loss, labels } = lossSums(model, batch as unknown as LabelledBatch);
        return tf.div(loss, labels) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(mean)(names.map((name) => trained[name]!));
      return { loss: value, gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])) };
    },
    given,
    { device },
  );
  const { loss, gradients } = await program.run(given);
  await program.dispose();
  const into = zerosLike(policy.trained);
  for (const [name, { data }] of into) data.set(numbers(gradients[name]!));
  return { loss: numbers(loss)[0]!, gradients: into };
}

const parts = (fixture: LlamaFixture) => fixture.folders("expected.json").filter((name) => name === "nf4");
const files = ["inputs.json", "lora_all", "nf4/model.safetensors"];

for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
  testEveryLlama(
    `QLoRA: losses and gradients equal PEFT's on bitsandbytes' base, ${device}`,
    files,
    parts,
    async (fixture) => {
      const { cases } = fixture.read<Expected>("nf4/expected.json").qlora_all;
      const policy = policyOf(fixture, "nf4");
      for (const [input, values] of Object.entries(cases)) {
        const { loss, gradients } = await gradientsOf({ policy, fixture }, input, device);
        closeTo([loss], [values.loss_mean], 2e-5, `${input}, loss`);
        assert.deepEqual(Object.keys(values.grads).sort(), [...gradients.keys()].map(peftName).sort());
        for (const [name, { data }] of gradients)
          matchesSummary(data, values.grads[peftName(name)]!, 1e-4, `${input}, gradient of ${name}`);
      }
    },
  );
}

testEveryLlama("QLoRA: steps of AdamW end where PyTorch's do", files, parts, async (fixture) => {
  const { training } = fixture.read<Expected>("nf4/expected.json").qlora_all;
  const final = fixture.tensors("nf4/expected.safetensors");
  const policy = policyOf(fixture, "nf4");
  const moments: Moments = { first: zerosLike(policy.trained), second: zerosLike(policy.trained) };
  const options = { ...DEFAULT_ADAMW, weightDecay: 0.01, maxGradNorm: 1, decays: () => true };
  for (const [i, step] of training.steps.entries()) {
    const { loss, gradients } = await gradientsOf({ policy, fixture }, step.batch, "cpu");
    closeTo([loss], [step.loss], 2e-5, `loss of step ${i + 1}`);
    const norm = globalNorm(gradients);
    closeTo([norm], [step.grad_norm_before_clip], 1e-4, `norm of step ${i + 1}`);
    const gradientScale = clipFactor(norm, options.maxGradNorm);
    adamW(policy.trained, gradients, moments, { step: i + 1, learningRate: step.lr, gradientScale }, options);
  }
  for (const [name, { data }] of policy.trained)
    closeTo(data, final.get(`qlora_all.final.${peftName(name)}`)!.data, 1e-5, `final ${name}`);
  for (const [input, loss] of Object.entries(training.loss_after)) {
    const after = await gradientsOf({ policy, fixture }, input, "cpu");
    closeTo([after.loss], [loss], 2e-5, `loss after, ${input}`);
  }
});

testEveryLlama(
  "QLoRA: a base that is rounded here is the one that bitsandbytes saved",
  files,
  parts,
  (fixture) => {
    const [read, rounded] = [policyOf(fixture, "nf4"), policyOf(fixture, ".")];
    assert.deepEqual([...rounded.frozen.keys()], [...read.frozen.keys()]);
    for (const [name, { data }] of read.frozen) {
      assert.deepEqual(rounded.frozen.get(name)!.data, data, name);
      assert.ok(!/proj\.weight$/.test(name), `${name} is there as float32`);
    }
  },
);

test("NF4 frozen weights: what a T5 keeps exact stays float32", () => {
  const lora = { ...DEFAULT_LORA, rank: 2, alpha: 4, modulesToSave: [] };
  const { policy } = tinySpec({ policy: { lora, frozenWeights: "nf4" } });
  const exact = tinySpec({ policy: { lora } }).policy;
  for (const [name, tensor] of exact.frozen) {
    if (/\.(v|o|wi_0|wi_1|wo)\.weight$/.test(name)) {
      assert.equal(policy.frozen.has(name), false, name);
      for (const part of Object.keys(nf4.specs(name, tensor.shape))) assert.ok(policy.frozen.has(part), part);
    } else assert.deepEqual(policy.frozen.get(name), tensor, name);
  }
});
