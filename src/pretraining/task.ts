import type { T5Checkpoint } from "../models/checkpoint";
import { readModelDirectory, writeModelDirectory } from "../models/checkpoint";
import { lossSums, t5, type T5Batch } from "../models/t5";
import { Random } from "../random";
import { sha256 } from "../io";
import {
  batchTensors,
  checksum,
  collate,
  type Example,
  labelCount,
  type ParameterMap,
  tokenCount,
  type TrainingTask,
} from "../training";
import {
  continuation,
  type DenoisingTokens,
  type ExampleLengths,
  spanCorruption,
  wholeTextDenoising,
} from "./denoising";
import type { Document } from "./documents";

export interface PretrainingOptions {
  readonly train: readonly Document[];
  readonly validation: readonly Document[];
  readonly tokens: DenoisingTokens;
  /** Every batch is padded to these, so that one program serves all. */
  readonly lengths: ExampleLengths;
  readonly batchSize: number;
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Seed of what is made of the documents. */
  readonly seed: number;
}

/** Validation examples are the same throughout a run, and of every run with this many. */
const VALIDATION_EXAMPLES = 192;

/**
 * Pretrains all parameters of a T5, without dropout. Example number n is a function of the seed and n alone: documents are
 * gone through in a new random order each time round, and each gives a segment and one of three tasks.
 */
export function pretrainingTask(
  { config, parameters }: Pick<T5Checkpoint, "config" | "parameters">,
  options: PretrainingOptions,
): TrainingTask {
  const { train, validation, tokens, lengths, batchSize, steps, seed } = options;
  const trained: ParameterMap = new Map(parameters);
  const orders = new Map<number, readonly number[]>();
  const orderOf = (round: number) => {
    let order = orders.get(round);
    if (!order) {
      order = new Random(seed).fork(round).shuffle(train.map((_, i) => i));
      orders.set(round, order);
    }
    return order;
  };
  const example = (n: number) => {
    const round = Math.floor(n / train.length);
    const document = train[orderOf(round)[n % train.length]!]!;
    return pretrainingExample(document, tokens, lengths, new Random(seed + 1).fork(n));
  };
  const batch = (examples: readonly Example[], rows: number) => {
    const all = examples.map((_, i) => i);
    const collated = collate(examples, all, { padTokenId: config.padTokenId, rows, padToMultipleOf: 32 });
    return batchTensors(collated);
  };
  const held = validation.length
    ? Array.from({ length: VALIDATION_EXAMPLES }, (_, n) =>
        pretrainingExample(validation[n % validation.length]!, tokens, lengths, new Random(n)),
      )
    : [];

  return {
    trained,
    frozen: new Map(),
    trainSize: batchSize * steps,
    epochBatches: (_epoch, size) =>
      Array.from({ length: steps }, (_, step) => Array.from({ length: size }, (_, row) => step * size + row)),
    trainBatch: (numbers, rows) => batch(numbers.map(example), rows),
    *validationBatches(rows) {
      for (let i = 0; i < held.length; i += rows) yield batch(held.slice(i, i + rows), rows);
    },
    loss: (all, inputs) => lossSums(t5(config, all), inputs as unknown as T5Batch).loss,
    labels: labelCount,
    tokens: tokenCount,
    fingerprint: {
      config,
      lengths,
      seed,
      base: checksum(parameters as ParameterMap),
      documents: sha256(JSON.stringify(train)),
    },
    write: (directory) => writeModelDirectory(directory, { config, parameters: trained }),
    read(directory) {
      const stored = readModelDirectory(directory).parameters;
      for (const [name, { data }] of trained) data.set(stored.get(name)!.data);
    },
  };
}

/**
 * One example of a dialogue: half the time its continuation from one of its turns on (from the first: a dialogue out of
 * nothing), else span corruption or whole-text denoising of a segment that starts with a turn.
 */
export function pretrainingExample(
  { tokens, turns }: Document,
  special: DenoisingTokens,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const pick = (from: readonly number[]) => from[random.integer(from.length)]!;
  if (random.uniform() < 0.5) return continuation(tokens, pick(turns), special, lengths);
  const whole = random.uniform() < 0.5;
  const room = whole ? lengths.target - 1 : lengths.input;
  const full = turns.filter((turn) => turn + room <= tokens.length);
  const start = full.length > 0 ? pick(full) : 0;
  const denoise = whole ? wholeTextDenoising : spanCorruption;
  return denoise(tokens.slice(start, start + room), special, lengths, random);
}
