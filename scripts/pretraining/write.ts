import { cpus } from "node:os";
import { join } from "node:path";
import type { PartReport } from "../../src/corpus";
import { closeBrowser, lines, renderFigure } from "../../src/figures";
import { sha256File, writeFileWhole } from "../../src/io";
import { readModelDirectory, WEIGHTS_FILE, writeModelDirectory } from "../../src/models/pretrained";
import { evaluateSpec, type StepLog, type TrainingOptions } from "../../src/training";
import type { GivenWeights, Started } from "./beginning";
import { modelCard } from "./card";
import type { PretrainingKind, PretrainingMaterial, TrainableModel } from "./kind";

/** A finished pretraining run. */
export interface PretrainedRun {
  readonly kind: PretrainingKind;
  /** With the weights that it ended with. */
  readonly model: TrainableModel;
  readonly material: PretrainingMaterial;
  /** What it went on from; undefined for random weights. */
  readonly from: GivenWeights | undefined;
  readonly log: readonly StepLog[];
  readonly options: TrainingOptions;
  readonly threads: number;
  readonly files: readonly PartReport[];
  /** The day of the first step, and the commit of the code that took it. */
  readonly started: Started;
}

/** What the card tells beside the run itself. */
export interface StoredModel {
  readonly parameters: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Loss on the held-out dialogues of the weights as they are stored, over all tasks and of each. */
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly machine: string;
}

/** Writes a model's directory: weights in half precision, configuration, tokenizer, loss curve and card. */
export async function writePretrained(directory: string, run: PretrainedRun): Promise<StoredModel> {
  const { kind, model, material, log, options, threads } = run;
  writeModelDirectory(directory, model, { tokenizerFrom: kind.tokenizer(), dtype: "float16" });
  const { svg } = await renderFigure(lossCurve(log));
  await closeBrowser();
  writeFileWhole(join(directory, "loss.svg"), svg);

  const stored = { ...model, parameters: readModelDirectory(directory).parameters };
  const lossOf = (task?: string) =>
    evaluateSpec(kind.spec(stored, material, task), options.batchSize, { threads });
  const losses: Record<string, number> = {};
  for (const task of kind.tasks) losses[task] = await lossOf(task);
  const parameters = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  const told: StoredModel = {
    parameters,
    bytes: 2 * parameters,
    sha256: await sha256File(join(directory, WEIGHTS_FILE)),
    loss: await lossOf(),
    losses,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}`,
  };
  writeFileWhole(join(directory, "README.md"), modelCard(run, told));
  return told;
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
    title: "Loss of the model's pretraining",
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
