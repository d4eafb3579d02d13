/** npm run pretrain: pretrains an embedded model, from random weights or going on from given ones, and writes it with its card. */
import { Argument, Command, Option } from "commander";
import { personaInstruction } from "../src/prompts";
import { loadCorpus } from "../src/corpus";
import { startProgress } from "../src/display";
import { embeddedTokenizer, loadTokenizer } from "../src/models/tokenizer";
import { hasBlanks, pretrainingDocuments, pretrainingTokens, Words } from "../src/pretraining";
import { Random } from "../src/random";
import { DEFAULT_TRAINING, train, type TrainingOptions } from "../src/training";
import { deviceOption, wholeFrom } from "./options";
import { beginning, startedIn } from "./pretraining/beginning";
import type { PretrainingMaterial } from "./pretraining/kind";
import { llamaKind } from "./pretraining/llama";
import { t5Kind } from "./pretraining/t5";
import { writePretrained } from "./pretraining/write";

const kinds = { t5: t5Kind, llama: llamaKind } as const;
const schedules = { linear: "linear", constant: "constant_with_warmup" } as const;

/** Conversations kept out, to measure the loss on; at most a tenth. */
const HELD_OUT = 200;

const WARM_UP = 100;

interface Options {
  data: string;
  out?: string;
  model?: string;
  from?: string;
  steps: number;
  batchSize?: number;
  rowLength: number;
  copySteps?: number;
  learningRate?: number;
  schedule: keyof typeof schedules;
  saveSteps: number;
  seed: number;
  threads: number;
}

async function pretrain(kindName: keyof typeof kinds, options: Options): Promise<void> {
  const kind = kinds[kindName];
  const { data, from, steps, rowLength, schedule, saveSteps, seed, threads } = options;
  const { batchSize = kind.defaults.batchSize, learningRate = kind.defaults.learningRate } = options;
  const { out = `outputs/pretraining/${kindName}`, model: directory = kind.defaults.model } = options;

  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const tokens = pretrainingTokens(tokenizer);
  const begun = await beginning(kind, from, tokens, seed);
  const isAnother = begun.from?.kind !== begun.model.architecture.name;
  // At a constant rate a run may be given more steps, which must not change those that it has taken.
  const atMost = (most: number) => (schedule === "linear" ? Math.min(most, Math.floor(steps / 10)) : most);
  const copySteps = options.copySteps ?? (isAnother ? atMost(kind.defaults.copySteps) : 0);
  const corpus = await loadCorpus({ directory: data, newPersona: true });
  const all = [...corpus.splits.train, ...corpus.newPersona];
  const conversations = all.filter((dialogue) => !hasBlanks(dialogue));
  const reading = startProgress("Tokenising", conversations.length, { unit: "conversations" });
  const documents = pretrainingDocuments(conversations, tokenizer, {
    instruction: personaInstruction,
    onDocument: () => reading.advance(),
  });
  reading.finish();
  const order = new Random(seed).shuffle(documents);
  const kept = Math.min(HELD_OUT, Math.ceil(order.length / 10));
  const [heldOut, learned] = [order.slice(0, kept), order.slice(kept)];
  const material: PretrainingMaterial = {
    train: learned,
    validation: heldOut,
    words: new Words(learned, (id) => tokenizer.token(id)),
    tokens,
    batchSize,
    rowLength,
    steps,
    seed,
    leftOut: all.length - conversations.length,
    copySteps,
  };
  const spec = kind.spec(begun.model, material);
  const training: TrainingOptions = {
    ...DEFAULT_TRAINING,
    outputDirectory: out,
    maxSteps: steps,
    batchSize,
    gradientAccumulationSteps: kind.batchesPerStep,
    learningRate,
    schedule: schedules[schedule],
    warmupSteps: atMost(WARM_UP),
    seed,
    evalSteps: 250,
    saveSteps,
  };
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const progress = startProgress("Pretraining", steps, { unit: "steps" });
  let isFirst = true;
  const started = startedIn(out, begun.from);
  const result = await train(spec, training, {
    engine: { threads },
    signal: stop.signal,
    onMessage: (message) => console.error(message),
    onStep: ({ step, loss, evalLoss }) => {
      if (isFirst) progress.skip(step - 1);
      isFirst = false;
      progress.advance(1, `loss ${loss.toFixed(3)}`);
      if (evalLoss !== undefined) console.error(`step ${step}: evaluation loss ${evalLoss.toFixed(4)}`);
    },
  });
  progress.finish();
  if (result.stopped === "interrupted") {
    console.error(`stopped after step ${result.step}; the same command goes on from there`);
    return;
  }
  const { sha256, loss } = await writePretrained(directory, {
    kind,
    model: begun.model,
    material,
    from: begun.from,
    log: result.log,
    options: training,
    threads,
    files: corpus.files,
    started,
  });
  console.log(`${directory}: weights ${sha256}, loss ${loss.toFixed(4)} on the dialogues kept out`);
}

new Command("pretrain")
  .description(
    "Pretrains an embedded model on the dialogues of Synthetic-Persona-Chat, and writes it with its card. A run that was stopped goes on where " +
      "its last checkpoint is; one that is finished only writes the model again. With --schedule constant it can be given more --steps at any time.",
  )
  .addArgument(new Argument("<kind>", "what is pretrained").choices(Object.keys(kinds)))
  .requiredOption("--data <folder>", "Synthetic-Persona-Chat: train.csv and new-persona.csv are learned from")
  .option("--out <folder>", "checkpoints and log (default: outputs/pretraining/KIND)")
  .option("--model <folder>", "where the finished model goes (default: data/model, data/chat-model)")
  .option(
    "--from <folder>",
    "weights to go on from; a Llama begins with the decoder of a T5 as well (default: random)",
  )
  .option("--steps <number>", "optimizer steps", wholeFrom(1), 4500)
  .option(
    "--batch-size <number>",
    "rows of a batch (default: 8 of a T5, of which a step has two batches, 4 of a Llama)",
    wholeFrom(1),
  )
  .option(
    "--copy-steps <number>",
    "steps at the start that ask for copying alone (default: 400 of a T5, 300 of a Llama, at most a tenth of a linear run; none where weights of the kind go on)",
    wholeFrom(0),
  )
  .option("--row-length <number>", "tokens of a Llama's row", wholeFrom(32), 512)
  .option(
    "--learning-rate <number>",
    "peak rate, after 100 steps, or a tenth of a linear run (default: 2e-3 of a T5, 1e-3 of a Llama)",
    Number,
  )
  .addOption(
    new Option("--schedule <name>", "whether the rate falls linearly to 0 or stays")
      .choices(Object.keys(schedules))
      .default("linear"),
  )
  .option("--save-steps <number>", "steps between checkpoints", wholeFrom(1), 250)
  .option("--seed <number>", "weights, order and noise", wholeFrom(0), 13)
  .addOption(deviceOption())
  .option("--threads <number>", "threads of one operation", wholeFrom(1), 2)
  .action(pretrain)
  .parseAsync()
  .catch((error: Error) => {
    console.error(`pretrain: ${error.message}`);
    process.exitCode = 1;
  });
