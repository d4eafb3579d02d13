import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../../src/engine/compile";
import type { Device } from "../../../src/engine/devices";
import { type LabelledBatch, lossSums } from "../../../src/models/language-model";
import { linearChain, type NamedTensors } from "../../../src/models/layers/linear";
import { readAdapter, writeAdapter } from "../../../src/models/lora/adapter";
import { loraLink } from "../../../src/models/lora/linear";
import { mergeAdapter } from "../../../src/models/lora/weights";
import { llamaArchitecture } from "../../../src/models/llama/architecture";
import { parseLlamaConfig } from "../../../src/models/llama/config";
import { parameterShapes } from "../../../src/models/llama/parameters";
import { writeJson } from "../../../src/io/files";
import { writeSafetensors } from "../../../src/tensors/file";
import type { HostTensor } from "../../../src/tensors/tensor";
import { float32Tensor } from "../../../src/tensors/tensor";
import { adamW, clipFactor, DEFAULT_ADAMW, globalNorm, type Moments } from "../../../src/training/adamw";
import type { ParameterMap } from "../../../src/training/policy";
import { on } from "../../engine/device";
import { closeTo, type LlamaFixture, matchesSummary, type Summary, testEveryLlama } from "../llama-fixtures";

interface Expected {
  readonly cases: Record<string, { loss_mean: number; loss_tokens: number; grads: Record<string, Summary> }>;
  readonly training: {
    readonly steps: readonly { batch: string; lr: number; loss: number; grad_norm_before_clip: number }[];
    readonly loss_after: Record<string, number>;
  };
  readonly merged: { readonly loss_mean: number; readonly weights: Record<string, Summary> };
}

const PREFIX = "base_model.model.";
const numbers = (tensor: { data: unknown }) => tensor.data as Float32Array;
const adapters = (fixture: LlamaFixture) => fixture.folders("expected.json").filter((name) => name !== "nf4");

/** An adapter with what it is trained on, as its files say. */
function open(fixture: LlamaFixture, name: string) {
  const model = fixture.model();
  const adapter = readAdapter(join(fixture.directory, name), model);
  const expected = fixture.read<Expected>(`${name}/expected.json`);
  const tensors = fixture.tensors(`${name}/expected.safetensors`);
  return { model, adapter, expected, tensors, trained: new Map(adapter.weights) };
}

/** PEFT's name of a trained parameter. */
const peftName = (name: string) => `${PREFIX}${name}`;

type Given = Record<string, HostTensor<"float32">>;

/** A program of the mean loss, its gradients for what is trained, and the logits of every position. */
function programOf(opened: ReturnType<typeof open>, batch: LabelledBatchTensors, device: Device) {
  const { model, adapter, trained } = opened;
  const names = [...trained.keys()];
  const parameters: Given = { ...Object.fromEntries(model.parameters), ...Object.fromEntries(trained) };
  return compile(
    (inputs) => {
      const tokens = inputs.batch as unknown as LabelledBatch;
      const modelOver = (weights: NamedTensors) =>
        model.architecture.model(model.config, weights, {
          linear: linearChain(weights, loraLink(weights, { ...adapter.config, dropout: 0 })),
        });
      const mean = (...values: tf.Tensor[]) => {
        const now: Record<string, tf.Tensor> = { ...inputs.parameters };
        names.forEach((name, i) => (now[name] = values[i]!));
        const { loss, labels } = lossSums(modelOver(now), tokens);
        return tf.div(loss, labels) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(mean)(names.map((name) => inputs.parameters[name]!));
      return {
        loss: value,
        logits: modelOver(inputs.parameters).labelLogits(tokens),
        gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
      };
    },
    { parameters, batch },
    on(device),
  );
}

type LabelledBatchTensors = ReturnType<LlamaFixture["batch"]>;

for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
  testEveryLlama(
    `losses, logits and gradients under an adapter equal PEFT's on ${device}`,
    ["inputs.json"],
    adapters,
    async (fixture, name) => {
      const opened = open(fixture, name);
      const { model, expected, tensors, trained } = opened;
      const parameters: Given = { ...Object.fromEntries(model.parameters), ...Object.fromEntries(trained) };
      for (const [input, values] of Object.entries(expected.cases)) {
        const batch = fixture.batch(input);
        const program = await programOf(opened, batch, device);
        const { loss, logits, gradients } = await program.run({ parameters, batch });
        await program.dispose();
        closeTo(numbers(loss), [values.loss_mean], 2e-5, `${input}, loss`);
        assert.deepEqual(Object.keys(values.grads).sort(), [...trained.keys()].map(peftName).sort());
        for (const [key, gradient] of Object.entries(gradients))
          matchesSummary(
            numbers(gradient),
            values.grads[peftName(key)]!,
            1e-4,
            `${input}, gradient of ${key}`,
          );
        const whole = tensors.get(`${input}.logits`);
        if (whole) assertLogits(numbers(logits), whole, batch);
      }
    },
  );
}

/** Row p of our logits is what position p − 1 says comes next. */
function assertLogits(actual: Float32Array, whole: HostTensor<"float32">, batch: LabelledBatchTensors): void {
  const [rows, length, vocabulary] = whole.shape as [number, number, number];
  for (let position = 0; position < rows * length; position++) {
    const isLast = (position + 1) % length === 0;
    if (isLast || batch.attentionMask.data[position] === 0) continue;
    const part = (values: Float32Array, at: number) =>
      values.subarray(at * vocabulary, (at + 1) * vocabulary);
    closeTo(part(actual, position + 1), part(whole.data, position), 1e-4, `logits of position ${position}`);
  }
}

testEveryLlama("steps of AdamW end where PyTorch's do", ["inputs.json"], adapters, async (fixture, name) => {
  const opened = open(fixture, name);
  const { model, expected, tensors, trained } = opened;
  const map = (of: (name: string, tensor: HostTensor<"float32">) => Float32Array): ParameterMap =>
    new Map([...trained].map(([key, tensor]) => [key, float32Tensor(tensor.shape, of(key, tensor))]));
  const current = map((_, { data }) => data.slice());
  const zeros = () => map((_, { data }) => new Float32Array(data.length));
  const moments: Moments = { first: zeros(), second: zeros() };
  const options = { ...DEFAULT_ADAMW, weightDecay: 0.01, maxGradNorm: 1, decays: () => true };
  const run = async (input: string) => {
    const batch = fixture.batch(input);
    const program = await programOf(opened, batch, "cpu");
    const parameters: Given = { ...Object.fromEntries(model.parameters), ...Object.fromEntries(current) };
    const { loss, gradients } = await program.run({ parameters, batch });
    await program.dispose();
    return { loss: numbers(loss)[0]!, gradients: map((key) => numbers(gradients[key]!)) };
  };
  for (const [i, step] of expected.training.steps.entries()) {
    const { loss, gradients } = await run(step.batch);
    closeTo([loss], [step.loss], 2e-5, `loss of step ${i + 1}`);
    const norm = globalNorm(gradients);
    closeTo([norm], [step.grad_norm_before_clip], 1e-4, `norm of step ${i + 1}`);
    const gradientScale = clipFactor(norm, options.maxGradNorm);
    adamW(current, gradients, moments, { step: i + 1, learningRate: step.lr, gradientScale }, options);
  }
  for (const [key, { data }] of current)
    closeTo(data, tensors.get(`final.${peftName(key)}`)!.data, 1e-5, `final ${key}`);
  for (const [input, loss] of Object.entries(expected.training.loss_after))
    closeTo([(await run(input)).loss], [loss], 2e-5, `loss after, ${input}`);
});

testEveryLlama("merged weights equal PEFT's", ["inputs.json"], adapters, (fixture, name) => {
  const { model, adapter, expected } = open(fixture, name);
  const merged = mergeAdapter(model.parameters, adapter);
  const entries = Object.entries(expected.merged.weights);
  assert.ok(entries.length > 0);
  for (const [module, summary] of entries)
    matchesSummary(merged.get(`${module}.weight`)!.data, summary, 1e-5, `merged ${module}`);
});

testEveryLlama("an adapter written again is the same adapter", ["inputs.json"], adapters, (fixture, name) => {
  const { model, adapter } = open(fixture, name);
  const directory = mkdtempSync(join(tmpdir(), "adapter-"));
  try {
    writeAdapter(directory, adapter, model.architecture);
    const again = readAdapter(directory, model);
    assert.deepEqual(again.config, adapter.config);
    assert.deepEqual([...again.weights.keys()].sort(), [...adapter.weights.keys()].sort());
    for (const [key, { data }] of adapter.weights) assert.deepEqual(again.weights.get(key)!.data, data);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** What PEFT 0.21 writes for a Llama: whatever a test's configuration and tensors are. */
function peftDirectory(
  isTied: boolean,
  fields: Record<string, unknown>,
  tensors: Record<string, readonly number[]>,
) {
  const config = parseLlamaConfig("llama", {
    ...{ vocab_size: 11, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2 },
    ...{ num_attention_heads: 2, tie_word_embeddings: isTied },
  });
  const directory = mkdtempSync(join(tmpdir(), "adapter-"));
  const entries = Object.entries(tensors).map(
    ([name, shape]) =>
      [PREFIX + name, float32Tensor(shape, new Float32Array(shape[0]! * shape[1]!).fill(0.5))] as const,
  );
  writeSafetensors(join(directory, "adapter_model.safetensors"), new Map(entries));
  writeJson(join(directory, "adapter_config.json"), { peft_type: "LORA", r: 2, lora_alpha: 4, ...fields });
  return { directory, model: { architecture: llamaArchitecture, config } };
}

const query = (block: number) => `model.layers.${block}.self_attn.q_proj`;
const ofQueries = (...blocks: number[]) =>
  Object.fromEntries(
    blocks.flatMap((block) => [
      [`${query(block)}.lora_A.weight`, [2, 8]],
      [`${query(block)}.lora_B.weight`, [8, 2]],
    ]),
  ) as Record<string, number[]>;

test("PEFT's ways to name modules of a Llama: suffixes, paths, patterns, blocks, all-linear, its default", () => {
  const read = (target: unknown, tensors: Record<string, number[]>, others = {}) => {
    const { directory, model } = peftDirectory(true, { target_modules: target, ...others }, tensors);
    try {
      const adapter = readAdapter(directory, model);
      writeAdapter(directory, adapter, model.architecture);
      assert.deepEqual(readAdapter(directory, model), adapter);
      return adapter.config.targetModules;
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const both = ofQueries(0, 1);
  assert.deepEqual(read(["q_proj"], both), ["q_proj"]);
  assert.deepEqual(read([query(1), query(0)], both), [query(1), query(0)]);
  assert.deepEqual(read(".*\\.q_proj", both), [query(0), query(1)]);
  assert.deepEqual(read(["q_proj"], ofQueries(1), { layers_to_transform: [1] }), [query(1)]);
  assert.deepEqual(read(["q_proj", "k_proj"], both, { exclude_modules: ["k_proj"] }), [query(0), query(1)]);
  const linear = Object.keys(parameterShapes(peftDirectory(true, {}, {}).model.config)).filter((name) =>
    /_proj\.weight$/.test(name),
  );
  const shapes = parameterShapes(peftDirectory(true, {}, {}).model.config);
  const all = Object.fromEntries(
    linear.flatMap((name) => [
      [name.replace("weight", "lora_A.weight"), [2, shapes[name]![1]!]],
      [name.replace("weight", "lora_B.weight"), [shapes[name]![0]!, 2]],
    ]),
  );
  assert.equal(read("all-linear", all).length, 14);
  const values = Object.fromEntries(Object.entries(all).filter(([name]) => /\.(q|v)_proj\./.test(name)));
  assert.deepEqual(read(null, values), ["q_proj", "v_proj"]);
});

test("what PEFT makes of tied embeddings, and what adapts an embedding, is refused by name", () => {
  const embedding = [11, 8];
  const refused = (isTied: boolean, fields: object, tensors: Record<string, number[]>, message: RegExp) => {
    const given = { target_modules: ["q_proj"], ...fields };
    const { directory, model } = peftDirectory(isTied, given, { ...ofQueries(0, 1), ...tensors });
    assert.throws(
      () => readAdapter(directory, model),
      ({ message: said }: Error) => said.includes(directory) && message.test(said),
    );
    rmSync(directory, { recursive: true });
  };
  refused(
    true,
    { modules_to_save: ["lm_head"] },
    { "lm_head.weight": embedding },
    /lm_head\.weight is an embedding or lm_head that modules_to_save \(lm_head\) trained apart .* tied to/,
  );
  refused(
    true,
    { modules_to_save: ["embed_tokens"] },
    { "model.embed_tokens.weight": embedding },
    /adapter_config\.json modulesToSave: PEFT would train a copy of model\.embed_tokens, apart from lm_head/,
  );
  refused(
    true,
    { modules_to_save: ["embed_tokens"], ensure_weight_tying: true },
    { "model.embed_tokens.weight": embedding, "lm_head.weight": embedding },
    /ensure_weight_tying ties the modules saved whole/,
  );
  for (const isTied of [true, false])
    refused(
      isTied,
      { target_modules: ["q_proj", "lm_head"] },
      {
        "lm_head.base_layer.weight": embedding,
        "lm_head.lora_A.weight": [2, 8],
        "lm_head.lora_B.weight": [11, 2],
      },
      /lm_head\.base_layer\.weight is an embedding of the base, which PEFT saves .*save_embedding_layers=False/,
    );
  refused(
    true,
    { target_modules: ["q_proj", "lm_head"] },
    { "lm_head.lora_A.weight": [2, 8], "lm_head.lora_B.weight": [11, 2] },
    /adapts lm_head, which this model ties to the embedding/,
  );
  refused(
    false,
    { target_modules: ["q_proj", "embed_tokens"] },
    { "model.embed_tokens.lora_embedding_A": [2, 11], "model.embed_tokens.lora_embedding_B": [8, 2] },
    /lora_embedding_A adapts an embedding/,
  );
});
