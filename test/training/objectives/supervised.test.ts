import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Device } from "../../../src/engine/devices";
import { linearChain } from "../../../src/models/layers/linear";
import { readAdapter } from "../../../src/models/lora/adapter";
import { loraLink } from "../../../src/models/lora/linear";
import { float32Tensor, int32Tensor } from "../../../src/tensors/tensor";
import { globalNorm } from "../../../src/training/adamw";
import type { Example } from "../../../src/training/batches";
import type { BatchTensors } from "../../../src/training/data";
import { packExamples } from "../../../src/training/examples/pack";
import { rowBatches } from "../../../src/training/example-batches";
import { supervisedObjective, type SupervisedLoss } from "../../../src/training/objectives/supervised";
import { DEFAULT_TRAINING } from "../../../src/training/options";
import { type ParameterMap, type Policy, zerosLike } from "../../../src/training/policy";
import { addTotals, metricMeans, noTotals, TrainingPrograms } from "../../../src/training/programs";
import { train } from "../../../src/training/trainer";
import { on } from "../../engine/device";
import {
  closeTo,
  LlamaFixture,
  matchesSummary,
  type Summary,
  testEveryLlama,
} from "../../models/llama-fixtures";

interface Tokens {
  readonly input_ids: number[][];
  readonly labels: number[][];
  readonly attention_mask?: number[][];
  readonly position_ids?: number[][];
}

interface Measured {
  readonly batch: Tokens;
  readonly loss: number;
  readonly grad_norm: number;
}

/** What TRL's trainer made of the same rows. */
interface Expected {
  readonly pad_token_id: number;
  readonly adapter: string;
  readonly rows: readonly { input_ids: number[]; labels: number[] }[];
  readonly padded: Measured & { metrics: Record<string, number>; grads: Record<string, Summary> };
  readonly padding_free: Measured & { metrics: Record<string, number> };
  readonly packed_bfd: {
    readonly max_length: number;
    readonly rows: readonly (Measured & { seq_lengths: number[]; tokens: number })[];
    readonly all_rows_token_weighted_loss: number;
  };
  readonly accumulation: {
    readonly micro_batches: readonly Tokens[];
    readonly num_items_in_batch: number;
    readonly micro_losses: readonly number[];
    readonly loss: number;
    readonly grad_norm: number;
    readonly grads: Record<string, Summary>;
  };
  readonly dft: { readonly loss: number; readonly grad_norm: number };
}

function open(fixture: LlamaFixture) {
  const expected = fixture.read<Expected>("sft.json");
  const model = fixture.model();
  const adapter = readAdapter(join(fixture.directory, expected.adapter), model);
  const policy: Policy = {
    trained: new Map(adapter.weights),
    frozen: model.parameters as Policy["frozen"],
    model: (tensors) =>
      model.architecture.model(model.config, tensors, {
        linear: linearChain(tensors, loraLink(tensors, { ...adapter.config, dropout: 0 })),
      }),
    fingerprint: fixture.name,
    write() {},
    read() {},
  };
  const examples: Example[] = expected.rows.map(({ input_ids, labels }) => ({ inputIds: input_ids, labels }));
  const batches = (rows: readonly Example[]) =>
    rowBatches(rows, [], { taskType: "CAUSAL_LM", padTokenId: expected.pad_token_id, padToMultipleOf: 1 });
  return { expected, policy, examples, batches };
}

/** Several batches as one accumulated step, in what is logged and in the mean gradient. */
async function measure(
  policy: Policy,
  steps: readonly BatchTensors[],
  device: Device,
  loss: SupervisedLoss = "nll",
) {
  const programs = new TrainingPrograms(policy, supervisedObjective(loss), on(device));
  let totals = noTotals();
  const gradients: ParameterMap = zerosLike(policy.trained);
  const losses: number[] = [];
  for (const batch of steps) {
    const own = zerosLike(policy.trained);
    const measured = await programs.gradients(batch, { seed: 1, step: 0 }, own);
    totals = addTotals(totals, measured);
    losses.push(measured.loss.sum);
    for (const [name, { data }] of gradients) data.forEach((_, i) => (data[i]! += own.get(name)!.data[i]!));
  }
  await programs.dispose();
  const { sum, count } = totals.loss;
  for (const { data } of gradients.values()) data.forEach((value, i) => (data[i] = value / count));
  const norm = globalNorm(gradients);
  return {
    loss: sum / count,
    count,
    shares: losses.map((one) => one / count),
    norm,
    gradients,
    metrics: metricMeans(totals),
  };
}

const all = (examples: readonly Example[]) => examples.map((_, index) => index);
const tokensOf = ({ input_ids, labels, attention_mask }: Tokens): BatchTensors => {
  const tensor = (rows: number[][]) =>
    int32Tensor([rows.length, rows[0]!.length], Int32Array.from(rows.flat()));
  return {
    inputIds: tensor(input_ids),
    attentionMask: tensor(attention_mask ?? input_ids.map((row) => row.map(() => 1))),
    labels: tensor(labels),
  };
};

function assertGradients(actual: ParameterMap, expected: Record<string, Summary>, what: string): void {
  assert.deepEqual(
    [...actual.keys()].map((name) => `base_model.model.${name}`).sort(),
    Object.keys(expected).sort(),
  );
  for (const [name, { data }] of actual)
    matchesSummary(data, expected[`base_model.model.${name}`]!, 1e-4, `${what}, gradient of ${name}`);
}

const one = () => ["sft.json"];

for (const device of ["cpu", "tfjs-cpu"] as Device[]) {
  testEveryLlama(
    `padded and packed rows, and an accumulated batch, have TRL's losses, metrics and gradients on ${device}`,
    ["sft.json"],
    one,
    async (fixture) => {
      const { expected, policy, examples, batches } = open(fixture);
      const { padded, padding_free, packed_bfd, accumulation } = expected;

      const source = batches(examples);
      const batch = source.batch(all(examples), examples.length);
      for (const [name, values] of Object.entries(tokensOf(padded.batch)))
        assert.deepEqual([...batch[name]!.data], [...values.data], name);
      const plain = await measure(policy, [batch], device);
      closeTo([plain.loss], [padded.loss], 2e-5, "padded, loss");
      closeTo([plain.norm], [padded.grad_norm], 1e-4, "padded, norm");
      assertGradients(plain.gradients, padded.grads, "padded");
      closeTo([plain.metrics["entropy"]!], [padded.metrics["entropy"]!], 1e-5, "padded, entropy");
      closeTo(
        [plain.metrics["mean_token_accuracy"]!],
        [padded.metrics["mean_token_accuracy"]!],
        1e-6,
        "accuracy",
      );
      assert.equal(
        source.tokens(batch),
        examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0),
      );

      const whole = padding_free.batch.input_ids[0]!.length;
      const flat: Example = {
        inputIds: examples.flatMap(({ inputIds }) => inputIds),
        labels: examples.flatMap(({ labels }) => labels),
        sequenceLengths: examples.map(({ inputIds }) => inputIds.length),
      };
      assert.deepEqual(
        [flat.inputIds, flat.labels],
        [padding_free.batch.input_ids[0], padding_free.batch.labels[0]],
      );
      const free = await measure(policy, [batches([flat]).batch([0], 1)], device);
      assert.equal(flat.inputIds.length, whole);
      closeTo([free.loss], [padding_free.loss], 2e-5, "padding-free, loss");
      closeTo([free.norm], [padding_free.grad_norm], 1e-4, "padding-free, norm");
      closeTo([free.metrics["entropy"]!], [padding_free.metrics["entropy"]!], 1e-5, "padding-free, entropy");

      const rows = packExamples(examples, packed_bfd.max_length);
      assert.deepEqual(
        rows.map(({ inputIds, sequenceLengths }) => sequenceLengths ?? [inputIds.length]),
        packed_bfd.rows.map(({ seq_lengths }) => seq_lengths),
      );
      const packed = batches(rows);
      for (const [i, { batch, loss, grad_norm, tokens }] of packed_bfd.rows.entries()) {
        assert.deepEqual([rows[i]!.inputIds, rows[i]!.labels], [batch.input_ids[0], batch.labels[0]]);
        const measured = await measure(policy, [packed.batch([i], 1)], device);
        closeTo([measured.loss], [loss], 2e-5, `packed row ${i}, loss`);
        closeTo([measured.norm], [grad_norm], 1e-4, `packed row ${i}, norm`);
        assert.equal(measured.count, tokens);
      }
      const together = await measure(policy, [packed.batch(all(rows), rows.length)], device);
      closeTo([together.loss], [packed_bfd.all_rows_token_weighted_loss], 2e-5, "packed together, loss");
      assertGradients(together.gradients, padded.grads, "packed together");

      const { micro_batches, micro_losses, num_items_in_batch, loss, grad_norm, grads } = accumulation;
      const step = await measure(policy, micro_batches.map(tokensOf), device);
      assert.equal(step.count, num_items_in_batch);
      closeTo([step.loss, ...step.shares], [loss, ...micro_losses], 2e-5, "accumulation, losses");
      closeTo([step.norm], [grad_norm], 1e-4, "accumulation, norm");
      assertGradients(step.gradients, grads, "accumulation");

      const dft = await measure(policy, [batch], device, "dft");
      closeTo([dft.loss], [expected.dft.loss], 2e-5, "dft, loss");
      closeTo([dft.norm], [expected.dft.grad_norm], 1e-4, "dft, norm");
    },
  );
}

testEveryLlama(
  "packed rows of which padding is left out are learned as each by itself",
  ["sft.json"],
  one,
  async (fixture) => {
    const { policy, batches, expected } = open(fixture);
    const examples = [50, 41, 33, 28, 24, 20].map((length, row): Example => {
      const inputIds = Array.from({ length }, (_, at) => 10 + ((7 * at + 13 * row) % 80));
      return { inputIds, labels: inputIds.map((id, at) => (at > length / 2 ? id : -100)) };
    });
    const source = rowBatches(packExamples(examples, 96), [], {
      taskType: "CAUSAL_LM",
      padTokenId: expected.pad_token_id,
      padToMultipleOf: 96,
    });
    const batch = source.batch([0, 1, 2], 4);
    assert.equal(source.size, 3);
    assert.ok(batch["tokenPositions"] && batch["labelRows"]);
    const together = await measure(policy, [batch], "cpu");
    const alone = batches(examples);
    const apart = await measure(
      policy,
      all(examples).map((index) => alone.batch([index], 1)),
      "cpu",
    );
    assert.equal(together.count, apart.count);
    closeTo([together.loss, together.norm], [apart.loss, apart.norm], 2e-5, "loss and norm");
    for (const [name, { data }] of together.gradients)
      closeTo(data, apart.gradients.get(name)!.data, 1e-5, `gradient of ${name}`);
    closeTo(Object.values(together.metrics), Object.values(apart.metrics), 2e-5, "metrics");
  },
);

/** Loss, gradient norm, entropy and accuracy of TRL 1.16's SFTTrainer: 0.02 falling to 0, weight decay 0.01, clipped at 1. */
const TRL_STEPS = [
  [8.08603096, 5.20885754, 2.20320559, 0],
  [6.6304822, 3.96952844, 2.48787045, 0],
  [5.73778677, 3.55169892, 2.5340004, 2 / 28],
  [5.14165163, 3.25727534, 2.54347181, 4 / 28],
  [4.75282288, 3.36549234, 2.5724959, 5 / 28],
  [4.45406008, 3.43989348, 2.59348249, 6 / 28],
  [4.22915554, 2.609499, 2.55831909, 7 / 28],
  [4.02941656, 2.51554751, 2.5216527, 8 / 28],
  [3.83720326, 2.39808893, 2.5102002, 8 / 28],
  [3.67390037, 2.16918015, 2.50964975, 9 / 28],
  [3.55135489, 2.25423717, 2.50550914, 10 / 28],
  [3.46613121, 2.1772089, 2.49845505, 10 / 28],
];

test("twelve steps have the losses, norms and metrics of TRL's trainer", async () => {
  const fixture = new LlamaFixture("a", join(__dirname, "../../fixtures/tiny-llama/a"));
  const { policy, examples, batches } = open(fixture);
  const folder = mkdtempSync(join(tmpdir(), "supervised-"));
  try {
    const trained: ParameterMap = new Map(
      [...policy.trained].map(([name, { shape, data }]) => [name, float32Tensor(shape, data.slice())]),
    );
    const write = (directory: string) => writeFileSync(join(directory, "unused"), "");
    const spec = {
      policy: { ...policy, trained, write },
      objective: supervisedObjective(),
      data: batches(examples),
    };
    const { log } = await train(spec, {
      ...DEFAULT_TRAINING,
      outputDirectory: folder,
      maxSteps: TRL_STEPS.length,
      batchSize: examples.length,
      learningRate: 0.02,
      schedule: "linear",
      warmupSteps: 0,
    });
    for (const [i, [loss, norm, entropy, accuracy]] of TRL_STEPS.entries()) {
      const row = log[i]!;
      closeTo([row.loss, row.metrics!["entropy"]!], [loss!, entropy!], 2e-5, `step ${row.step}`);
      closeTo([row.gradNorm], [norm!], 1e-4, `norm of step ${row.step}`);
      closeTo([row.metrics!["mean_token_accuracy"]!], [accuracy!], 1e-6, `accuracy of step ${row.step}`);
      assert.equal(row.numTokens, 49 * row.step);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
