import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import type { LabelledBatch } from "../../../src/models/language-model";
import { readAdapter } from "../../../src/models/lora/adapter";
import type { Objective } from "../../../src/training/objective";
import { hasValues, hiddenSize, withValueHead } from "../../../src/training/policies/value-head";
import {
  closeTo,
  llamaFixtures,
  matchesSummary,
  type Summary,
  testEveryLlama,
} from "../../models/llama-fixtures";
import { adapted, measured } from "../rollout-fixtures";

before(() => tf.setBackend("cpu"));
const directory = mkdtempSync(join(tmpdir(), "value-head-"));
after(() => rmSync(directory, { recursive: true }));

interface File {
  readonly adapter: string;
  readonly batch: string;
  readonly values: number[][];
  readonly targets: number[][];
  readonly loss: number;
  readonly grads: Record<string, Summary>;
}

testEveryLlama(
  "a value head's values, loss and gradients equal TRL's",
  ["value_head.json", "value_head.safetensors"],
  (fixture) => [fixture.read<File>("value_head.json").batch],
  async (fixture) => {
    const expected = fixture.read<File>("value_head.json");
    const policy = withValueHead(adapted(fixture, expected.adapter), hiddenSize(fixture.model()));
    for (const [name, tensor] of fixture.tensors("value_head.safetensors"))
      if (policy.trained.has(name)) policy.trained.get(name)!.data.set(tensor.data);
    const { inputIds, attentionMask } = fixture.batch(expected.batch);
    const [rows, length] = inputIds.shape as [number, number];
    // The state at a position is what the label of the next one is predicted from; a column behind the last makes room for it.
    const widened = (data: Int32Array, filling: number) =>
      Array.from({ length: rows }, (_, row) => [
        ...data.subarray(row * length, (row + 1) * length),
        filling,
      ]).flat();
    const wide = (values: number[], dtype: "int32" | "float32") => ({
      dtype,
      shape: [rows, length + 1],
      data: dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values),
    });
    const before = (values: number[][]) => values.flatMap((row) => [0, ...row]);
    const mask = Array.from({ length: rows }, (_, row) => [
      ...attentionMask.data.subarray(row * length, (row + 1) * length),
    ]);
    const values: number[] = [];
    const objective = {
      measure(model, batch) {
        assert.ok(hasValues(model));
        const { targets, weights } = batch as Record<string, tf.Tensor>;
        const found = model.values(model.labelStates(batch as unknown as LabelledBatch));
        const errors = tf.square(tf.sub(tf.reshape(found, targets!.shape), targets!));
        const mean = (x: tf.Tensor) => ({
          sum: tf.sum(tf.mul(x, weights!)) as tf.Scalar,
          count: tf.sum(weights!) as tf.Scalar,
        });
        return { loss: mean(tf.mul(errors, tf.scalar(0.5))) };
      },
      fingerprint: "values",
    } satisfies Objective;
    const batch = {
      inputIds: wide(widened(inputIds.data, 0), "int32"),
      attentionMask: wide(widened(attentionMask.data, 0), "int32"),
      labels: wide(widened(inputIds.data, 0), "int32"),
      targets: wide(before(expected.targets), "float32"),
      weights: wide(before(mask), "float32"),
    };
    const { loss, gradients } = await measured(policy, objective as never, [batch as never]);
    assert.ok(Math.abs(loss / expected.loss - 1) < 2e-5, `${loss}, not ${expected.loss}`);
    for (const [name, summary] of Object.entries(expected.grads))
      matchesSummary(gradients.get(name.replace("base_model.model.", ""))!.data, summary, 1e-4, name);

    const all = new Map([...policy.frozen, ...policy.trained]);
    const tensors = Object.fromEntries(
      [...all].map(([name, { dtype, shape, data }]) => [
        name,
        tf.tensor(data as Float32Array, [...shape], dtype as "float32"),
      ]),
    );
    const model = policy.model(tensors, false);
    assert.ok(hasValues(model));
    const eager = Object.fromEntries(
      Object.entries(batch).map(([name, { dtype, shape, data }]) => [name, tf.tensor(data, shape, dtype)]),
    );
    values.push(...model.values(model.labelStates(eager as unknown as LabelledBatch)).dataSync());
    const there = before(expected.values).flatMap((value, i) =>
      batch.weights.data[i] ? [[value, values[i]!]] : [],
    );
    closeTo(
      there.map(([, value]) => value!),
      there.map(([value]) => value!),
      1e-4,
      "values",
    );
  },
);

test("a policy with a value head is kept with it, and opens as an adapter without", () => {
  const [fixture] = llamaFixtures;
  const hidden = hiddenSize(fixture!.model());
  const make = () => withValueHead(adapted(fixture!, "lora_qv"), hidden);
  const policy = make();
  const head = policy.trained.get("v_head.summary.weight")!;
  assert.deepEqual([...head.shape], [1, hidden]);
  assert.ok(head.data.every((x) => x === 0));
  head.data.forEach((_, i) => (head.data[i] = i));
  policy.trained.get("v_head.summary.bias")!.data[0] = 7;
  const folder = join(directory, "kept");
  policy.write(folder);
  assert.ok(!readAdapter(folder, fixture!.model()).weights.has("v_head.summary.weight"));
  assert.ok(![...policy.adapter().weights.keys()].some((name) => name.startsWith("v_head")));
  const again = make();
  again.read(folder);
  for (const [name, { data }] of policy.trained) assert.deepEqual(again.trained.get(name)!.data, data, name);
  rmSync(join(folder, "value_head.safetensors"));
  assert.ok(!existsSync(join(folder, "value_head.safetensors")));
  assert.throws(() => make().read(folder), /value_head.safetensors.*no such file/);
});
