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
import {
  allSeq2SeqTasks,
  pretrainingDocuments,
  pretrainingTokens,
  seq2seqPretraining,
  Words,
} from "../src/pretraining";
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
  const words = new Words(validation, (id) => tokenizer.token(id));
  for (const task of allSeq2SeqTasks) {
    const spec = seq2seqPretraining(
      { architecture, config, parameters: new Map(parameters) },
      {
        train: validation,
        validation,
        words,
        tokens: pretrainingTokens(tokenizer),
        batchSize: BATCH,
        seed: 1,
        task,
      },
    );
    const loss = await evaluateSpec(spec, BATCH);
    console.log(`${task}: ${loss.toFixed(3)} nats a token`);
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
