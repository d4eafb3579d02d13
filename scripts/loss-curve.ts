/**
 * Draws `loss.svg` of a model from the `training.json` beside its weights.
 *
 *     npx tsx scripts/loss-curve.ts data/model
 */
import { join } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { closeBrowser, lines, renderFigure } from "../src/figures";
import { readJson, writeFileWhole } from "../src/io";

/** What PyTorch's run wrote down: rows of step, seconds, tokens and training loss, and losses by task of what was kept out. */
const trainingLog = z.object({
  train: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
  evals: z.array(z.looseObject({ step: z.number() })),
  final: z.record(z.string(), z.number()),
});

async function main(directory: string): Promise<void> {
  const { train, evals, final } = trainingLog.parse(readJson(join(directory, "training.json")));
  const { svg } = await renderFigure(
    lines({
      title: "Loss of the base model's pretraining",
      caption: "Nats a token. Training: with dropout, means of 50 steps. The tasks: on validation dialogues.",
      x: { title: "step" },
      y: { title: "loss", unit: "nats a token" },
      series: [
        { name: "training", x: train.map(([step]) => step), y: train.map(([, , , loss]) => loss) },
        ...Object.keys(final).map((task) => ({
          name: task,
          x: evals.map(({ step }) => step),
          y: evals.map((row) => z.number().parse(row[task])),
        })),
      ],
    }),
  );
  await closeBrowser();
  writeFileWhole(join(directory, "loss.svg"), svg);
}

new Command("loss-curve")
  .description("Draws loss.svg of a model from the training.json beside its weights.")
  .argument("<folder>", "the model")
  .action(main)
  .parseAsync()
  .catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
