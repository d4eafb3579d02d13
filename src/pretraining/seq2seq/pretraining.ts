import type { Model } from "../../models";
import { Random } from "../../random";
import {
  batchTensors,
  collate,
  crossEntropyObjective,
  type Example,
  fullPolicy,
  tokenCount,
  type TrainingSpec,
} from "../../training";
import { type Document, documentsSha256 } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { Words } from "../words";
import {
  type BatchLength,
  lengthOf,
  seq2seqExample,
  seq2seqLengths,
  type Seq2SeqMaterial,
  type Seq2SeqTask,
  seq2seqTasks,
} from "./mixture";

export interface Seq2SeqPretrainingOptions {
  readonly train: readonly Document[];
  readonly validation: readonly Document[];
  /** Of the documents to learn from. */
  readonly words: Words;
  readonly tokens: PretrainingTokens;
  readonly batchSize: number;
  /** Seed of what is made of the documents. */
  readonly seed: number;
  /**
   * Batches at the start that ask for copying alone.
   * @default 0
   */
  readonly copyBatches?: number;
  /**
   * The one thing that is asked for after these.
   * @default the tasks of {@link seq2seqTasks}, long and short batches by turns
   */
  readonly task?: Seq2SeqTask;
  /**
   * The most tokens of long and of short examples.
   * @default seq2seqLengths
   */
  readonly lengths?: Seq2SeqMaterial["lengths"];
}

/** Validation examples of each length are the same throughout a run, and of every run with this many. */
const VALIDATION_EXAMPLES = 96;

/**
 * Pretrains all parameters of an encoder–decoder, in place and without dropout. Example number n is a function of the seed and n alone:
 * documents are gone through in a new random order each time round, and each gives an example of one task.
 *
 * A run that begins with copying learns in some two hundred steps to take from the input what comes next, and keeps it. From
 * denoising alone a small model did not learn that in thousands: what is left of a gapped text tells too little of it.
 */
export function seq2seqPretraining(model: Model, options: Seq2SeqPretrainingOptions): TrainingSpec {
  const { train, validation, words, tokens, batchSize, seed, copyBatches = 0, task } = options;
  const { lengths = seq2seqLengths } = options;
  const material = { words, special: tokens, lengths };
  const orders = new Map<number, readonly number[]>();
  const orderOf = (round: number) => {
    let order = orders.get(round);
    if (!order) {
      order = new Random(seed).fork(round).shuffle(train.map((_, i) => i));
      orders.set(round, order);
    }
    return order;
  };
  const taskOf = (batchNumber: number, random: Random): Seq2SeqTask => {
    if (batchNumber < copyBatches) return "copying";
    return task ?? drawTask(batchNumber % 2 === 0 ? "long" : "short", random);
  };
  const example = (n: number) => {
    const document = train[orderOf(Math.floor(n / train.length))[n % train.length]!]!;
    const random = new Random(seed + 1).fork(n);
    const asked = taskOf(Math.floor(n / batchSize), random);
    return { asked, example: seq2seqExample(document, asked, { ...material, documents: train }, random) };
  };
  const batch = (length: BatchLength, examples: readonly Example[], rows: number) => {
    const all = examples.map((_, i) => i);
    const { input, target } = lengths[length];
    const padded = { padTokenId: model.config.padTokenId, rows, padToMultipleOf: Math.min(input, target) };
    return batchTensors(collate(examples, all, padded));
  };
  const held = (length: BatchLength): Example[] => {
    if (validation.length === 0 || (task !== undefined && lengthOf(task) !== length)) return [];
    return Array.from({ length: VALIDATION_EXAMPLES }, (_, n) => {
      const random = new Random(n);
      const asked = task ?? drawTask(length, random);
      const document = validation[n % validation.length]!;
      return seq2seqExample(document, asked, { ...material, documents: validation }, random);
    });
  };
  const batchesOfEpoch = Math.ceil(train.length / batchSize);
  return {
    policy: fullPolicy(model),
    objective: crossEntropyObjective(),
    data: {
      size: batchesOfEpoch * batchSize,
      epochBatches: (epoch, size) =>
        Array.from({ length: batchesOfEpoch }, (_, number) =>
          Array.from({ length: size }, (_, row) => (epoch * batchesOfEpoch + number) * size + row),
        ),
      batch(numbers, rows) {
        const made = numbers.map(example);
        return batch(
          lengthOf(made[0]!.asked),
          made.map(({ example }) => example),
          rows,
        );
      },
      *validationBatches(rows) {
        for (const length of ["long", "short"] as const) {
          const examples = held(length);
          for (let i = 0; i < examples.length; i += rows)
            yield batch(length, examples.slice(i, i + rows), rows);
        }
      },
      tokens: tokenCount,
      fingerprint: {
        tokens,
        lengths,
        seed,
        copyBatches,
        tasks: task ?? seq2seqTasks,
        documents: documentsSha256(train),
        validation: documentsSha256(validation),
      },
    },
  };
}

function drawTask(length: BatchLength, random: Random): Seq2SeqTask {
  const tasks: readonly Seq2SeqTask[] = seq2seqTasks[length];
  return tasks[random.integer(tasks.length)]!;
}
