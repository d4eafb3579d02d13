/**
 * Trains an adapter with which the embedded T5's encoder makes vectors of texts: a turn is to find the fact that it says.
 *
 *     npx tsx scripts/train-encoder.ts [--data <folder with Synthetic-Persona-Chat>] --out outputs/encoder
 */
import { join } from "node:path";
import { Command } from "commander";
import { loadCorpus, sampleDirectory } from "../src/corpus";
import { factsOfTurns } from "../src/embedding";
import { embeddedModel } from "../src/experiments";
import { openPretrained, textEncoder } from "../src/models";
import { contrastiveObjective, DEFAULT_TRAINING, loraPolicy, textBatches, train } from "../src/training";
import { deviceOption, wholeFrom } from "./options";

interface Options {
  data: string;
  out: string;
  steps: number;
  batch: number;
  rank: number;
  seed: number;
  threads?: number;
}

async function main({ data, out, steps, batch, rank, seed, threads }: Options): Promise<void> {
  const { splits } = await loadCorpus({ directory: data });
  const base = await openPretrained({ kind: "directory", directory: embeddedModel, why: "it is embedded" });
  const encode = (dialogues: typeof splits.train) =>
    factsOfTurns(dialogues).map(({ turn, fact, dialogue }) => ({
      texts: [turn, fact].map((text) => base.tokenizer.encode(text, { maxLength: 64 })),
      label: dialogue,
    }));
  const [pairs, held] = [encode(splits.train), encode(splits.valid.slice(0, 200))];
  console.log(`${pairs.length} pairs of a turn and the fact that it says, ${held.length} held out`);
  const policy = loraPolicy(textEncoder(base.checkpoint), {
    lora: {
      rank,
      alpha: 2 * rank,
      dropout: 0,
      useRslora: false,
      targetModules: ["q", "k", "v", "o", "wi", "wo"],
      modulesToSave: [],
    },
    unfreezing: {},
    seed,
    baseModel: null,
  });
  base.checkpoint.close();
  const padding = { padTokenId: base.checkpoint.config.padTokenId, padToMultipleOf: 32 };
  await train(
    { policy, objective: contrastiveObjective(), data: textBatches(pairs, held, padding) },
    {
      ...DEFAULT_TRAINING,
      outputDirectory: out,
      maxSteps: steps,
      batchSize: batch,
      learningRate: 1e-3,
      schedule: "linear",
      warmupSteps: Math.ceil(steps / 20),
      evalSteps: Math.ceil(steps / 4),
      seed,
    },
    {
      ...(threads !== undefined && { engine: { threads } }),
      onStep: ({ step, loss, metrics, evalLoss, evalMetrics, seconds }, last) => {
        if (step % 10 === 0 || evalLoss !== undefined)
          console.log(
            JSON.stringify({
              step,
              of: last,
              loss,
              accuracy: metrics?.["accuracy"],
              evalLoss,
              evalMetrics,
              seconds,
            }),
          );
      },
    },
  );
  policy.write(join(out, "adapter"));
}

new Command("train-encoder")
  .description("Trains an adapter with which the embedded T5's encoder makes vectors of texts.")
  .option("--data <folder>", "Synthetic-Persona-Chat; the embedded sample unless given", sampleDirectory)
  .requiredOption("--out <folder>", "where checkpoints and the adapter go")
  .option("--steps <number>", "steps", wholeFrom(1), 300)
  .option("--batch <number>", "pairs a step, each against all others", wholeFrom(2), 64)
  .option("--rank <number>", "of the adapter", wholeFrom(1), 8)
  .option("--seed <number>", "seed", wholeFrom(0), 13)
  .addOption(deviceOption())
  .option("--threads <number>", "threads of the engine", wholeFrom(1))
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
