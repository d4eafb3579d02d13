/**
 * The loss of a T5's stored weights by each pretraining task, on the first conversations of Synthetic-Persona-Chat's validation
 * split, which no pretraining read.
 *
 *     npx tsx scripts/held-out-loss.ts data/model --data <folder with Synthetic-Persona-Chat>
 */
import { Command } from "commander";
import { loadCorpus } from "../src/corpus";
import { readModelDirectory } from "../src/models/pretrained";
import { t5Architecture } from "../src/models/t5";
import { loadTokenizer } from "../src/models/tokenizer";
import { pretraining, pretrainingDocuments, pretrainingObjectives } from "../src/pretraining";
import { evaluateSpec } from "../src/training";
import { wholeFrom } from "./options";

const BATCH = 16;

async function main(
  directory: string,
  { data, conversations }: { data: string; conversations: number },
): Promise<void> {
  const { architecture, config, parameters } = readModelDirectory(directory);
  if (architecture !== t5Architecture) throw new Error(`${directory} holds no T5, which these tasks are for`);
  const tokenizer = await loadTokenizer(directory);
  const { splits } = await loadCorpus({ directory: data });
  const validation = pretrainingDocuments(splits.valid.slice(0, conversations), tokenizer);
  const id = (token: string) => tokenizer.encode(token, { addEos: false })[0]!;
  const sentinels = Array.from({ length: 100 }, (_, i) => id(`<extra_id_${i}>`));
  for (const objective of ["copying", ...pretrainingObjectives] as const) {
    const spec = pretraining(
      { architecture, config, parameters: new Map(parameters) },
      {
        train: [],
        validation,
        tokens: { sentinels, eos: tokenizer.eosId },
        lengths: { input: 128, target: 96 },
        batchSize: BATCH,
        steps: 0,
        seed: 1,
        objectives: [objective],
      },
    );
    const loss = await evaluateSpec(spec, BATCH);
    console.log(`${objective}: ${loss.toFixed(3)} nats a token`);
  }
}

new Command("held-out-loss")
  .description(
    "Measures the loss of a T5's stored weights by each pretraining task on validation conversations of Synthetic-Persona-Chat.",
  )
  .argument("<folder>", "the model")
  .requiredOption("--data <folder>", "Synthetic-Persona-Chat: valid.csv is measured on")
  .option("--conversations <number>", "the first so many of them", wholeFrom(1), 200)
  .action(main)
  .parseAsync()
  .catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
