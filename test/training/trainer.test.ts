import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readAdapter } from "../../src/models/lora/adapter";
import { linearChain, type NamedTensors } from "../../src/models/layers/linear";
import { loraLink } from "../../src/models/lora/linear";
import { t5 } from "../../src/models/t5/model";
import { DEFAULT_TRAINING, type TrainingOptions } from "../../src/training/options";
import type { BatchTensors } from "../../src/training/data";
import { crossEntropyObjective } from "../../src/training/objectives/cross-entropy";
import type { TrainingSpec } from "../../src/training/spec";
import { TrainingDiverged } from "../../src/training/step";
import { train, type TrainingHooks } from "../../src/training/trainer";
import {
  closeTo,
  type T5Case,
  type T5Fixture,
  testEveryT5,
  tolerance,
  trainedCases,
} from "../models/t5-fixtures";
import { randomT5, TINY } from "../models/tiny";
import { copyExamples, type TinyChange, tinyOptions, tinySpec } from "./tiny-run";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "trainer-"))));
afterEach(() => rmSync(directory, { recursive: true }));

// ------------------------------------------------------------------------- against PyTorch's and PEFT's six steps

/** The fixture's run as a spec: its batches in its order, its parameters. */
function fixtureSpec(fixture: T5Fixture, name: string) {
  const { config, lora, parameters, trained, train: expected } = fixture.case(name) as Required<T5Case>;
  const copy = [...parameters].map(
    ([key, tensor]) => [key, { ...tensor, data: tensor.data.slice() }] as const,
  );
  const spec: TrainingSpec = {
    policy: {
      trained: new Map(copy.filter(([key]) => trained.includes(key))),
      frozen: new Map(copy.filter(([key]) => !trained.includes(key))),
      model: (all) => t5(config, all, lora ? { linear: linearChain(all, loraLink(all, lora)) } : {}),
      fingerprint: name,
      write: (folder) => writeFileSync(join(folder, "unused"), ""),
      read() {},
    },
    objective: crossEntropyObjective(),
    data: {
      size: expected.order.length,
      epochBatches: () => expected.order.map((_, i) => [i]),
      batch: ([index]): BatchTensors => fixture.batch(expected.order[index!]!),
      *validationBatches() {},
      tokens: () => 1,
      fingerprint: name,
    },
  };
  const options = {
    ...DEFAULT_TRAINING,
    outputDirectory: directory,
    maxSteps: expected.steps,
    batchSize: 1,
    learningRate: expected.lr,
    schedule: "linear" as const,
    warmupSteps: 0,
    weightDecay: expected.wd,
    maxGradNorm: expected.clip,
    decays: () => true,
  };
  return { spec, options, expected };
}

for (const device of ["cpu", "tfjs-cpu"] as const) {
  testEveryT5(
    `steps of the trainer end where PyTorch's do, on ${device}`,
    ["inputs.json"],
    trainedCases,
    async (fixture, name) => {
      const { spec, options, expected } = fixtureSpec(fixture, name);
      const { log } = await train(spec, options, { engine: { device } });
      log.forEach(({ loss, gradNorm }, t) => {
        closeTo(
          [loss],
          [expected.loss_f64[t]!],
          tolerance(expected.loss_f32, expected.loss_f64),
          `loss of step ${t + 1}`,
        );
        closeTo(
          [gradNorm],
          [expected.grad_norm_f64[t]!],
          tolerance(expected.grad_norm_f32, expected.grad_norm_f64),
          `norm of step ${t + 1}`,
        );
      });
      assert.equal(log.length, expected.steps);
      assert.ok(spec.policy.trained.size > 0);
      for (const [key, { data }] of spec.policy.trained)
        closeTo(data, expected.final_params_f64[key]!.data, 1e-5, key);
    },
  );
}

// ------------------------------------------------------------------------------------------------- whole tiny runs

const run = (change: Partial<TrainingOptions> = {}, hooks: TrainingHooks = {}, folder = directory) => {
  const spec = tinySpec();
  return train(spec, tinyOptions(folder, change), hooks).then((result) => ({ spec, ...result }));
};
const numbers = ({ spec }: { spec: TrainingSpec }) =>
  [...spec.policy.trained].map(([name, { data }]) => [name, [...data]]);
const losses = ({ log }: { log: readonly { loss: number; gradNorm: number }[] }) =>
  log.map(({ loss, gradNorm }) => [loss, gradNorm]);

test("training lowers the loss, and the frozen weights stay", async () => {
  const before = [...tinySpec().policy.frozen].map(([name, { data }]) => [name, [...data]]);
  const result = await run({ maxSteps: 60, evalSteps: 30 });
  const mean = (from: number, to: number) =>
    result.log.slice(from, to).reduce((sum, { loss }) => sum + loss, 0) / (to - from);
  assert.ok(mean(50, 60) < 0.8 * mean(0, 10), `${mean(0, 10)} to ${mean(50, 60)}`);
  assert.deepEqual(
    result.log.filter(({ evalLoss }) => evalLoss !== undefined).map(({ step }) => step),
    [30, 60],
  );
  assert.deepEqual(
    [...result.spec.policy.frozen].map(([name, { data }]) => [name, [...data]]),
    before,
  );
});

test("the same seed takes the same steps bit for bit, another seed others", async () => {
  const [first, second, other] = [
    await run({}, {}, join(directory, "a")),
    await run({}, {}, join(directory, "b")),
    await run({ seed: 14 }, {}, join(directory, "c")),
  ];
  assert.deepEqual(numbers(first!), numbers(second!));
  assert.notDeepEqual(numbers(first!), numbers(other!));
});

test("ten steps straight equal five, an interrupt, and five resumed", async () => {
  const straight = await run({ evalSteps: 4 }, {}, join(directory, "straight"));
  const controller = new AbortController();
  const folder = join(directory, "cut");
  const cut = await run(
    { evalSteps: 4 },
    { signal: controller.signal, onStep: ({ step }) => step === 5 && controller.abort() },
    folder,
  );
  assert.deepEqual([cut.stopped, cut.step], ["interrupted", 5]);
  const messages: string[] = [];
  const resumed = await run({ evalSteps: 4 }, { onMessage: (message) => messages.push(message) }, folder);
  assert.match(messages[0]!, /resumed from .*checkpoint-5/);
  assert.equal(resumed.stopped, "finished");
  assert.deepEqual(numbers(resumed), numbers(straight));
  assert.deepEqual(losses(resumed), losses(straight));
  assert.deepEqual(resumed.best, straight.best);
});

const spawnRun = (folder: string, maxSteps: number): ChildProcess =>
  fork(join(__dirname, "killed-run.ts"), [folder, String(maxSteps)], { execArgv: ["--require", "tsx/cjs"] });
const reaches = (child: ChildProcess, wanted: unknown) =>
  new Promise<void>((resolve) => child.on("message", (message) => message === wanted && resolve()));
const exits = (child: ChildProcess) => new Promise<void>((resolve) => child.once("exit", () => resolve()));

test(
  "a killed process goes on from its last checkpoint, to the same weights",
  { timeout: 120_000 },
  async () => {
    const straight = await run({ saveSteps: 1, maxSteps: 12 }, {}, join(directory, "straight"));
    const folder = join(directory, "killed");
    for (const [step, delay] of [
      [3, 1],
      [7, 7],
    ] as const) {
      const child = spawnRun(folder, 12);
      await reaches(child, step);
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await exits(child);
    }
    const resumed = await run({ saveSteps: 1, maxSteps: 12 }, {}, folder);
    assert.deepEqual(numbers(resumed), numbers(straight));
    assert.deepEqual(losses(resumed), losses(straight));
  },
);

test("Ctrl-C stops after the step in progress and saves", { timeout: 120_000 }, async () => {
  const child = spawnRun(directory, 100_000);
  await reaches(child, 2);
  const stopped = reaches(child, "interrupted");
  child.kill("SIGINT");
  await stopped;
  await exits(child);
  const last = readFileSync(join(directory, "training_log.jsonl"), "utf8").trim().split("\n").at(-1)!;
  const { step } = JSON.parse(last) as { step: number };
  assert.ok(existsSync(join(directory, `checkpoint-${step}/optimizer.safetensors`)));
});

test("a damaged checkpoint is passed over for the one before, to the same end", async () => {
  const straight = await run({}, {}, join(directory, "straight"));
  const folder = join(directory, "damaged");
  await run({ maxSteps: 6, saveSteps: 3 }, {}, folder);
  const path = join(folder, "checkpoint-6/optimizer.safetensors");
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  const messages: string[] = [];
  const resumed = await run({}, { onMessage: (message) => messages.push(message) }, folder);
  assert.match(messages[0]!, /checkpoint-6 is not used: optimizer\.safetensors is damaged/);
  assert.match(messages[1]!, /resumed from .*checkpoint-3/);
  assert.deepEqual(numbers(resumed), numbers(straight));
});

test("a run with other options does not take up the checkpoints of this one", async () => {
  await run({ maxSteps: 2 });
  const messages: string[] = [];
  const other = await run(
    { maxSteps: 2, learningRate: 0.5 },
    { onMessage: (message) => messages.push(message) },
  );
  assert.match(messages[0]!, /checkpoint-2 is not used: .*another model, data or configuration/);
  assert.equal(other.log.length, 2);
});

/** A base model with one element changed. */
function changedBase(name: string) {
  const base = randomT5(TINY, 7);
  const { data } = base.parameters.get(name)!;
  data[5]! += 0.5;
  return base;
}

const others: Record<string, { change?: TinyChange; options?: Partial<TrainingOptions> }> = {
  "other parameters that decay": { options: { decays: (name) => name.includes("lora_A") } },
  "another frozen weight": {
    change: { base: changedBase("decoder.block.1.layer.0.SelfAttention.q.weight") },
  },
  "another lm_head to begin with": { change: { base: changedBase("lm_head.weight") } },
  "another unfrozen block to begin with": {
    change: { base: changedBase("encoder.block.1.layer.0.SelfAttention.q.weight") },
  },
  "other training examples": { change: { data: { train: copyExamples(30, 9) } } },
  "other validation examples": { change: { data: { validation: copyExamples(9, 9) } } },
  "another seed of the adapter": { change: { policy: { seed: 4 } } },
  "another weight decay": { options: { weightDecay: 0.2 } },
  "another clipping": { options: { maxGradNorm: 0.5 } },
};
for (const [name, { change = {}, options = {} }] of Object.entries(others)) {
  test(`a checkpoint is not taken up with ${name}`, async () => {
    await run({ maxSteps: 1 });
    const messages: string[] = [];
    const onMessage = (message: string) => messages.push(message);
    await train(tinySpec(change), tinyOptions(directory, { maxSteps: 1, ...options }), { onMessage });
    assert.match(messages[0]!, /checkpoint-1 is not used: .*another model, data or configuration/);
  });
}

test("parameters that would decay by nothing are no other configuration", async () => {
  await run({ maxSteps: 1, weightDecay: 0 });
  const messages: string[] = [];
  await run(
    { maxSteps: 1, weightDecay: 0, decays: () => true },
    { onMessage: (message) => messages.push(message) },
  );
  assert.match(messages[0]!, /resumed from/);
});

test("two accumulated batches make the step of one batch of their size", async () => {
  // Without dropout, and with as many labels in each batch, so that only the summation differs.
  const spec = () => {
    const { policy, ...rest } = tinySpec({
      policy: { lora: { ...tinySpec().policy.adapter().config, dropout: 0 } },
      data: { train: equalExamples() },
    });
    return { ...rest, policy: { ...policy, model: (all: NamedTensors) => policy.model(all, false) } };
  };
  const wide = spec();
  const narrow = spec();
  const common = { maxSteps: 4 };
  const wideRun = await train(wide, tinyOptions(join(directory, "wide"), { ...common, batchSize: 8 }));
  Object.assign(narrow.data, {
    epochBatches: (epoch: number, _: number, seed: number) =>
      wide.data.epochBatches(epoch, 8, seed).flatMap((b) => [b.slice(0, 4), b.slice(4)]),
  });
  const narrowRun = await train(
    narrow,
    tinyOptions(join(directory, "narrow"), { ...common, batchSize: 4, gradientAccumulationSteps: 2 }),
  );
  wideRun.log.forEach(({ loss, gradNorm }, t) => {
    closeTo([narrowRun.log[t]!.loss, narrowRun.log[t]!.gradNorm], [loss, gradNorm], 1e-4, `step ${t + 1}`);
  });
});

function equalExamples() {
  return Array.from({ length: 16 }, (_, i) => ({ inputIds: [2 + i, 3, 4, 1], labels: [2 + i, 5, 1] }));
}

test("a loss that is not finite stops the run before the update and keeps the batch", async () => {
  const spec = tinySpec();
  spec.policy.trained.get("lm_head.weight")!.data[5] = Number.NaN;
  const before = numbers({ spec });
  const error = await train(spec, tinyOptions(directory)).then(
    () => assert.fail("the run went on"),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof TrainingDiverged);
  assert.match(error.message, /step 1: the loss is NaN.*diverged-step-1\.json.*lower learning rate/s);
  assert.match(error.where!, /input .*lm_head\.weight is NaN at element 5/);
  const kept = JSON.parse(readFileSync(error.batchFile, "utf8")) as {
    batches: { inputIds: { shape: number[]; data: number[] } }[];
  };
  const { shape, data } = kept.batches[0]!.inputIds;
  assert.deepEqual(shape, [4, data.length / 4]);
  assert.deepEqual(numbers({ spec }), before);
});

test("a run that diverges names the operation where its numbers stopped being finite", async () => {
  const spec = tinySpec();
  const name = "decoder.block.1.layer.2.DenseReluDense.wo.lora_A.weight";
  spec.policy.trained.get(name)!.data.fill(3e38);
  spec.policy.trained.get(name.replace("lora_A", "lora_B"))!.data.fill(3e38);
  await assert.rejects(train(spec, tinyOptions(directory)), (error: unknown) => {
    assert.ok(error instanceof TrainingDiverged);
    assert.match(error.where!, /first result with an element that is not finite is .*(linear|model)\.ts/);
    return true;
  });
});

test("early stopping ends a run that does not improve, and the best parameters come back", async () => {
  const result = await run({
    maxSteps: 60,
    learningRate: 3,
    evalSteps: 2,
    earlyStoppingPatience: 2,
    loadBestModelAtEnd: true,
  });
  assert.equal(result.stopped, "early stopping");
  assert.ok(result.step < 60 && result.best!.step < result.step);
  const stored = readAdapter(join(directory, `checkpoint-${result.best!.step}`), randomT5(TINY, 7));
  for (const [name, tensor] of stored.weights)
    assert.deepEqual(result.spec.policy.trained.get(name)!.data, tensor.data);
});

test("options that mean nothing are refused by name", async () => {
  const refused = (change: Partial<TrainingOptions>, message: RegExp) => assert.rejects(run(change), message);
  await refused({ batchSize: 0 }, /batchSize/);
  await refused({ maxSteps: 1, epochs: 1 }, /one of maxSteps and epochs/);
  await refused({ loadBestModelAtEnd: true }, /set evalSteps/);
  await refused({ learningRate: Number.NaN }, /learningRate/);
});
