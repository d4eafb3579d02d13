import { cpus } from "node:os";
import { join } from "node:path";
import type { PartReport } from "../../src/corpus";
import { closeBrowser, lines, renderFigure } from "../../src/figures";
import { sha256File, writeFileWhole, writeJson } from "../../src/io";
import { copyTokenizer, readModelDirectory, WEIGHTS_FILE } from "../../src/models/pretrained";
import { t5Architecture, type T5Config } from "../../src/models/t5";
import { embeddedTokenizer } from "../../src/models/tokenizer";
import { type PretrainingObjective, pretrainingObjectives } from "../../src/pretraining";
import { toFloat16Bits, writeSafetensors } from "../../src/tensors";
import { evaluateSpec, type ParameterMap, type StepLog, type TrainingSpec } from "../../src/training";
import { modelCard } from "./card";

/** A finished pretraining run. */
export interface PretrainedRun {
  readonly config: T5Config;
  readonly lengths: { readonly input: number; readonly target: number };
  readonly parameters: ParameterMap;
  /** The run's spec over other parameters, to measure these with; with all its objectives or one of them. */
  readonly specOf: (parameters: ParameterMap, asked?: readonly PretrainingObjective[]) => TrainingSpec;
  readonly log: readonly StepLog[];
  readonly seed: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Steps at the start that asked for copying alone. */
  readonly copySteps: number;
  readonly threads: number;
  /** Dialogues learned from, and kept out to measure the loss on. */
  readonly dialogues: { readonly learned: number; readonly heldOut: number; readonly tokens: number };
  readonly files: readonly PartReport[];
  /** The day of the first step, and the commit of the code that took it. */
  readonly started: { readonly date: string; readonly commit: string };
}

/** What the card tells beside the run itself. */
export interface StoredModel {
  readonly parameters: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Loss on the held-out dialogues of the weights as they are stored, over all objectives and of each. */
  readonly loss: number;
  readonly losses: Readonly<Record<PretrainingObjective, number>>;
  readonly machine: string;
}

/** Writes the base model's directory: weights in half precision, configuration, tokenizer, loss curve and card. */
export async function writeBaseModel(directory: string, run: PretrainedRun): Promise<StoredModel> {
  const { config, parameters, log } = run;
  const half = new Map(
    [...parameters].map(([name, { shape, data }]) => [
      name,
      { dtype: "float16" as const, shape, data: toFloat16Bits(data) },
    ]),
  );
  const weights = join(directory, WEIGHTS_FILE);
  writeSafetensors(weights, half, { format: "pt" });
  writeJson(join(directory, "config.json"), t5Architecture.configFile(config));
  writeJson(join(directory, "generation_config.json"), t5Architecture.generationConfigFile(config));
  copyTokenizer(embeddedTokenizer, directory);
  const { svg } = await renderFigure(lossCurve(log));
  await closeBrowser();
  writeFileWhole(join(directory, "loss.svg"), svg);

  const storedWeights: ParameterMap = new Map(readModelDirectory(directory).parameters);
  const lossOf = (asked?: readonly PretrainingObjective[]) =>
    evaluateSpec(run.specOf(storedWeights, asked), run.batchSize, { threads: run.threads });
  const losses = {} as Record<PretrainingObjective, number>;
  for (const objective of ["copying", ...pretrainingObjectives] as const)
    losses[objective] = await lossOf([objective]);
  const stored: StoredModel = {
    parameters: [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    bytes: [...half.values()].reduce((sum, { data }) => sum + data.byteLength, 0),
    sha256: await sha256File(weights),
    loss: await lossOf(),
    losses,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}`,
  };
  writeFileWhole(join(directory, "README.md"), modelCard(run, stored));
  return stored;
}

/** Training loss as means of 25 steps, and the loss on what was held out. */
function lossCurve(log: readonly StepLog[]) {
  const means: { step: number; loss: number }[] = [];
  for (let i = 0; i < log.length; i += 25) {
    const part = log.slice(i, i + 25);
    means.push({
      step: part.at(-1)!.step,
      loss: part.reduce((sum, { loss }) => sum + loss, 0) / part.length,
    });
  }
  const evaluated = log.filter(({ evalLoss }) => evalLoss !== undefined);
  return lines({
    title: "Loss of the base model's pretraining",
    caption: "Nats a token. Training: means of 25 steps.",
    x: { title: "step" },
    y: { title: "loss", unit: "nats a token" },
    series: [
      { name: "training", x: means.map(({ step }) => step), y: means.map(({ loss }) => loss) },
      {
        name: "held out",
        x: evaluated.map(({ step }) => step),
        y: evaluated.map(({ evalLoss }) => evalLoss!),
      },
    ],
  });
}
