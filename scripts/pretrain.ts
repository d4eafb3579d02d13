/**
 * Pretrains the embedded base model (data/model/) from random weights.
 *
 *     node scripts/tsx.mjs scripts/pretrain.ts --data <folder with Synthetic-Persona-Chat>
 *
 * It learns from the dialogues of the training and new-persona conversations alone. A run that was stopped goes on where its
 * last checkpoint is; one that is finished only writes the model again.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { loadCorpus } from "../src/corpus";
import { startProgress } from "../src/display";
import { readJson, writeJson } from "../src/io";
import { initT5, type T5Config, t5Architecture } from "../src/models/t5";
import { embeddedTokenizer, loadTokenizer } from "../src/models/tokenizer";
import {
  pretraining,
  pretrainingDocuments,
  type PretrainingObjective,
  pretrainingObjectives,
} from "../src/pretraining";
import { Random } from "../src/random";
import { DEFAULT_TRAINING, type ParameterMap, train, type TrainingOptions } from "../src/training";
import { wholeFrom } from "./options";
import { writeBaseModel } from "./pretraining/base-model";

const config: T5Config = {
  vocabSize: 8000,
  dModel: 192,
  dKv: 32,
  dFf: 512,
  numLayers: 4,
  numDecoderLayers: 3,
  numHeads: 6,
  relativeAttentionNumBuckets: 32,
  relativeAttentionMaxDistance: 128,
  dropoutRate: 0.1,
  layerNormEpsilon: 1e-6,
  feedForward: "gated-gelu",
  tieWordEmbeddings: false,
  decoderStartTokenId: 0,
  padTokenId: 0,
  eosTokenId: 1,
};
const lengths = { input: 128, target: 96 };
/** The first steps, which ask for copying alone; at most a tenth of a run. */
const COPY_STEPS = 400;
/** Conversations kept out, to measure the loss on. */
const HELD_OUT = 200;

const startSchema = z.object({ date: z.string(), commit: z.string() });

/** When and from which code a run was started; kept in a file, for a run that is taken up again. */
function startedAt(path: string): { date: string; commit: string } {
  if (existsSync(path)) return startSchema.parse(readJson(path));
  const { status, stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  const commit = status === 0 ? stdout.trim() : "unknown";
  const started = { date: new Date().toISOString().slice(0, 10), commit };
  writeJson(path, started);
  return started;
}

async function main(): Promise<void> {
  const { data, out, model, steps, batchSize, learningRate, seed, threads } = new Command("pretrain")
    .description("Pretrains the embedded base model and writes it with its card.")
    .requiredOption(
      "--data <folder>",
      "Synthetic-Persona-Chat: train.csv and new-persona.csv are learned from",
    )
    .option("--out <folder>", "checkpoints and log", "outputs/pretraining")
    .option("--model <folder>", "where the model goes when the run is finished", "data/model")
    .option("--steps <number>", "optimizer steps", wholeFrom(1), 4500)
    .option("--batch-size <number>", "examples of a step", wholeFrom(1), 16)
    .option("--learning-rate <number>", "peak rate, after 100 steps; it falls linearly to 0", Number, 2e-3)
    .option("--seed <number>", "weights, order and noise", wholeFrom(0), 13)
    .option("--threads <number>", "threads of one operation", wholeFrom(1), 2)
    .parse()
    .opts<{
      data: string;
      out: string;
      model: string;
      steps: number;
      batchSize: number;
      learningRate: number;
      seed: number;
      threads: number;
    }>();

  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const corpus = await loadCorpus({ directory: data, newPersona: true });
  const conversations = [...corpus.splits.train, ...corpus.newPersona];
  const reading = startProgress("Tokenising", conversations.length, { unit: "conversations" });
  const documents = pretrainingDocuments(conversations, tokenizer, () => reading.advance());
  reading.finish();
  const order = new Random(seed).shuffle(documents);
  const [heldOut, learned] = [order.slice(0, HELD_OUT), order.slice(HELD_OUT)];
  const id = (token: string) => tokenizer.encode(token, { addEos: false })[0]!;
  const tokens = {
    sentinels: Array.from({ length: 100 }, (_, i) => id(`<extra_id_${i}>`)),
    eos: tokenizer.eosId,
  };
  const copySteps = Math.min(COPY_STEPS, Math.floor(steps / 10));
  const examples = {
    train: learned,
    validation: heldOut,
    tokens,
    lengths,
    batchSize,
    steps,
    copySteps,
    seed,
  };
  const specOf = (parameters: ParameterMap, asked: readonly PretrainingObjective[] = pretrainingObjectives) =>
    pretraining({ architecture: t5Architecture, config, parameters }, { ...examples, objectives: asked });
  const spec = specOf(initT5(config, new Random(seed)));
  const warmupSteps = Math.min(100, Math.floor(steps / 10));
  const options: TrainingOptions = {
    ...DEFAULT_TRAINING,
    outputDirectory: out,
    maxSteps: steps,
    batchSize,
    learningRate,
    schedule: "linear",
    warmupSteps,
    seed,
    evalSteps: 250,
    saveSteps: 250,
  };
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const progress = startProgress("Pretraining", steps, { unit: "steps" });
  let done = 0;
  const started = startedAt(join(out, "started.json"));
  const result = await train(spec, options, {
    engine: { threads },
    signal: stop.signal,
    onMessage: (message) => console.error(message),
    onStep: ({ step, loss, evalLoss }) => {
      progress.advance(step - done, `loss ${loss.toFixed(3)}`);
      done = step;
      if (evalLoss !== undefined) console.error(`step ${step}: evaluation loss ${evalLoss.toFixed(4)}`);
    },
  });
  progress.finish();
  if (result.stopped === "interrupted") {
    console.error(`stopped after step ${result.step}; the same command goes on from there`);
    return;
  }
  const { sha256, loss } = await writeBaseModel(model, {
    config,
    lengths,
    parameters: spec.policy.trained,
    specOf,
    log: result.log,
    seed,
    steps,
    batchSize,
    learningRate,
    warmupSteps,
    copySteps,
    threads,
    dialogues: {
      learned: learned.length,
      heldOut: heldOut.length,
      tokens: learned.reduce((sum, document) => sum + document.tokens.length, 0),
    },
    files: corpus.files,
    started,
  });
  console.log(`${model}: weights ${sha256}, loss ${loss.toFixed(4)} on the dialogues kept out`);
}

void main();
