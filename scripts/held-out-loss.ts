/**
 * The loss of an embedded model's stored weights by each pretraining task, on the first conversations of Synthetic-Persona-Chat's
 * validation split, which no pretraining read.
 *
 *     npx tsx scripts/held-out-loss.ts data/model --data <folder with Synthetic-Persona-Chat>
 */
import { Command } from "commander";
import { personaInstruction } from "../src/prompts";
import { loadCorpus } from "../src/corpus";
import { readModelDirectory } from "../src/models/pretrained";
import { loadTokenizer } from "../src/models/tokenizer";
import { pretrainingDocuments, pretrainingTokens, Words } from "../src/pretraining";
import { evaluateSpec } from "../src/training";
import { wholeFrom } from "./options";
import { llamaKind } from "./pretraining/llama";
import { t5Kind } from "./pretraining/t5";

const BATCH = 16;
const ROW_LENGTH = 512;

async function main(
  directory: string,
  { data, conversations }: { data: string; conversations: number },
): Promise<void> {
  const { architecture, config, parameters } = readModelDirectory(directory);
  const kind = [t5Kind, llamaKind].find(({ name }) => name === architecture.modelType);
  if (!kind) throw new Error(`${directory} holds a ${architecture.name}, which no pretraining here makes`);
  const tokenizer = await loadTokenizer(directory);
  const { splits } = await loadCorpus({ directory: data });
  const documents = pretrainingDocuments(splits.valid.slice(0, conversations), tokenizer, {
    instruction: personaInstruction,
  });
  const material = {
    train: documents,
    validation: documents,
    words: new Words(documents, (id) => tokenizer.token(id)),
    tokens: pretrainingTokens(tokenizer),
    batchSize: BATCH,
    rowLength: ROW_LENGTH,
    steps: 0,
    copySteps: 0,
    seed: 1,
    leftOut: 0,
  };
  for (const task of kind.tasks) {
    const model = { architecture, config, parameters: new Map(parameters) };
    const loss = await evaluateSpec(kind.spec(model, material, task), BATCH);
    console.log(`${task}: ${loss.toFixed(3)} nats a token`);
  }
}

new Command("held-out-loss")
  .description(
    "Measures the loss of an embedded model's stored weights by each pretraining task on validation conversations of Synthetic-Persona-Chat.",
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
