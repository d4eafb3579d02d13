import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mean, median } from "simple-statistics";
import { loadCorpus } from "../../src/corpus";
import { evaluateVariants } from "../../src/evaluation";
import { defaultExperiment, experimentExamples, experimentVariant, loadBase } from "../../src/experiments";
import { DEFAULT_LORA } from "../../src/models/lora";
import {
  crossEntropyObjective,
  DEFAULT_TRAINING,
  evaluateSpec,
  exampleBatches,
  loraPolicy,
  type LoraPolicy,
  type ParameterMap,
  train,
  TrainingPrograms,
  type TrainingSpec,
  zerosLike,
} from "../../src/training";
import { type Bench, round } from "./bench";

type LoraSpec = TrainingSpec<LoraPolicy>;

const SEEDS = Array.from({ length: Number(process.env["INT8_BASE_SEEDS"] ?? 2) }, (_, i) => i + 1);
const STEPS = Number(process.env["INT8_BASE_STEPS"] ?? 60);

const bench: Bench = {
  description:
    "LoRA on the quick profile's model and sample over a float32 and an 8-bit base: gradients at the start, then losses, " +
    "metrics and step times of whole runs. Final losses and metrics are of the exact base with the adapter",
  async run(report) {
    const base = await loadBase("quick");
    const corpus = await loadCorpus();
    const folder = mkdtempSync(join(tmpdir(), "bench-int8-base-"));
    const rows = [];
    const gradients: Record<string, number> = {};
    try {
      for (const seed of SEEDS) {
        const settings = defaultExperiment("quick", { seed, maxSteps: STEPS, trainHead: false });
        const examples = await experimentExamples(settings, { base, corpus });
        const specOf = (frozenWeights: "float32" | "int8"): LoraSpec => ({
          policy: loraPolicy(base.checkpoint, {
            lora: { ...DEFAULT_LORA, modulesToSave: [] },
            unfreezing: {},
            seed,
            baseModel: null,
            frozenWeights,
          }),
          objective: crossEntropyObjective(),
          data: exampleBatches(examples.train.examples, examples.validation.examples, {
            taskType: base.checkpoint.architecture.taskType,
            padTokenId: base.checkpoint.config.padTokenId,
            padToMultipleOf: 32,
          }),
        });
        const exact = specOf("float32");
        if (seed === SEEDS[0]) Object.assign(gradients, await compareGradients(exact, specOf("int8")));
        for (const frozenWeights of ["float32", "int8"] as const) {
          const name = `${frozenWeights}, seed ${seed}`;
          const spec = specOf(frozenWeights);
          const outputDirectory = join(folder, name);
          const { maxSteps, batchSize, learningRate, warmupSteps, schedule } = settings;
          const options = { maxSteps, batchSize, learningRate, warmupSteps, schedule, seed };
          const { log } = await train(
            spec,
            { ...DEFAULT_TRAINING, ...options, evalSteps: 0, outputDirectory },
            { onStep: ({ step }) => step % 20 === 0 && report(`${name}: step ${step} of ${maxSteps}`) },
          );
          const adapter = join(outputDirectory, "adapter");
          spec.policy.write(adapter);
          exact.policy.read(adapter);
          const model = { settings, base, pool: examples.pool, adapter };
          const [evaluated] = await evaluateVariants(
            [experimentVariant(name, model)],
            corpus.splits.test.slice(0, settings.nTest),
            { directory: join(outputDirectory, "evaluation") },
          );
          const { metrics } = evaluated!.summary;
          rows.push({
            frozenWeights,
            seed,
            steps: maxSteps,
            stepSeconds: round(median(log.map(({ seconds }) => seconds))),
            lastTrainingLosses: round(mean(log.slice(-10).map(({ loss }) => loss))),
            validationLoss: round(await evaluateSpec(exact, batchSize)),
            validationLossOfItsBase: round(await evaluateSpec(spec, batchSize)),
            ...Object.fromEntries(
              Object.entries(metrics).map(([metric, { value }]) => [metric, round(value)]),
            ),
          });
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    return { base: base.source.why, rows, gradients };
  },
};
export default bench;

/** How far apart the gradients of one batch are, beside how far those of two batches are: that is the noise of training. */
async function compareGradients(exact: LoraSpec, rounded: LoraSpec): Promise<Record<string, number>> {
  const [first, second] = exact.data.epochBatches(0, 8, 1) as [number[], number[]];
  const reference = await gradientsOf(exact, first);
  const near = await gradientsOf(rounded, first);
  const other = await gradientsOf(exact, second);
  return {
    cosineOfRoundedAndExact: round(cosine(near.gradients, reference.gradients)),
    cosineOfTwoBatches: round(cosine(other.gradients, reference.gradients)),
    normOfRoundedOverExact: round(norm(near.gradients) / norm(reference.gradients)),
    lossOfRoundedOverExact: near.loss / reference.loss,
  };
}

async function gradientsOf({ policy, objective, data }: LoraSpec, batch: readonly number[]) {
  const programs = new TrainingPrograms(policy, objective, {});
  const gradients = zerosLike(policy.trained);
  const tensors = data.batch(batch, batch.length);
  const { loss } = await programs.gradients(tensors, { seed: 1, step: 0 }, gradients);
  await programs.dispose();
  return { loss: loss.sum, gradients };
}

function dot(a: ParameterMap, b: ParameterMap): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data;
    for (let i = 0; i < data.length; i++) sum += data[i]! * other[i]!;
  }
  return sum;
}

const norm = (a: ParameterMap) => Math.sqrt(dot(a, a));
const cosine = (a: ParameterMap, b: ParameterMap) => dot(a, b) / (norm(a) * norm(b));
