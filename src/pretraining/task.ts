import { sha256 } from "../io";
import type { Model } from "../models";
import { Random } from "../random";
import {
  batchTensors,
  collate,
  crossEntropyObjective,
  type Example,
  fullPolicy,
  tokenCount,
  type TrainingSpec,
} from "../training";
import {
  continuation,
  copying,
  type DenoisingTokens,
  type ExampleLengths,
  sentencePermutation,
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
  /**
   * Steps at the start that ask for copying alone.
   * @default 0
   */
  readonly copySteps?: number;
  /**
   * What is asked for after these, one as often as another.
   * @default all {@link pretrainingObjectives}
   */
  readonly objectives?: readonly PretrainingObjective[];
}

/** Validation examples are the same throughout a run, and of every run with this many. */
const VALIDATION_EXAMPLES = 192;

/**
 * Pretrains all parameters of a model, in place and without dropout. Example number n is a function of the seed and n alone: documents are
 * gone through in a new random order each time round, and each gives an example of one objective.
 *
 * A run that begins with copying learns in some two hundred steps to take from the input what comes next, and keeps it. From
 * denoising alone a small model did not learn that in thousands: what is left of a gapped text tells too little of it.
 */
export function pretraining(model: Model, options: PretrainingOptions): TrainingSpec {
  const {
    train,
    validation,
    tokens,
    lengths,
    batchSize,
    steps,
    seed,
    copySteps = 0,
    objectives: asked = pretrainingObjectives,
  } = options;
  const orders = new Map<number, readonly number[]>();
  const orderOf = (round: number) => {
    let order = orders.get(round);
    if (!order) {
      order = new Random(seed).fork(round).shuffle(train.map((_, i) => i));
      orders.set(round, order);
    }
    return order;
  };
  const exampleOf = (document: Document, from: readonly PretrainingObjective[], random: Random) => {
    const objective = from[random.integer(from.length)]!;
    return pretrainingExample(document, objective, tokens, lengths, random);
  };
  const example = (n: number) => {
    const round = Math.floor(n / train.length);
    const document = train[orderOf(round)[n % train.length]!]!;
    return exampleOf(document, n < copySteps * batchSize ? ["copying"] : asked, new Random(seed + 1).fork(n));
  };
  const batch = (examples: readonly Example[], rows: number) => {
    const all = examples.map((_, i) => i);
    const collated = collate(examples, all, {
      padTokenId: model.config.padTokenId,
      rows,
      padToMultipleOf: 32,
    });
    return batchTensors(collated);
  };
  const held = validation.length
    ? Array.from({ length: VALIDATION_EXAMPLES }, (_, n) =>
        exampleOf(validation[n % validation.length]!, asked, new Random(n)),
      )
    : [];

  return {
    policy: fullPolicy(model),
    objective: crossEntropyObjective(),
    data: {
      size: batchSize * steps,
      epochBatches: (_epoch, size) =>
        Array.from({ length: steps }, (_, step) =>
          Array.from({ length: size }, (_, row) => step * size + row),
        ),
      batch: (numbers, rows) => batch(numbers.map(example), rows),
      *validationBatches(rows) {
        for (let i = 0; i < held.length; i += rows) yield batch(held.slice(i, i + rows), rows);
      },
      tokens: tokenCount,
      fingerprint: {
        tokens,
        lengths,
        seed,
        copySteps,
        objectives: asked,
        documents: sha256(JSON.stringify(train)),
        validation: sha256(JSON.stringify(validation)),
      },
    },
  };
}

/** What pretraining asks for, after the copying that it may begin with. */
export const pretrainingObjectives = [
  "continuation",
  "span corruption",
  "whole-text denoising",
  "sentence permutation",
] as const;
export type PretrainingObjective = (typeof pretrainingObjectives)[number] | "copying";

/**
 * One example of a dialogue: its continuation from one of its turns on (from the first: a dialogue out of nothing), or a
 * segment to copy or to restore in one of several ways. A segment starts with a turn, half the time with the first.
 */
export function pretrainingExample(
  { tokens, turns, sentences }: Document,
  objective: PretrainingObjective,
  special: DenoisingTokens,
  lengths: ExampleLengths,
  random: Random,
): Example {
  const starts = turns.map(({ start }) => start);
  const pick = (from: readonly number[]) => from[random.integer(from.length)]!;
  if (objective === "continuation") return continuation(tokens, pick(starts), special, lengths);
  const room = objective === "span corruption" ? lengths.input : lengths.target - 1;
  const full = starts.filter((turn) => turn + room <= tokens.length);
  const start = full.length > 0 && random.uniform() < 0.5 ? pick(full) : 0;
  const segment = tokens.slice(start, start + room);
  switch (objective) {
    case "copying":
      return copying(segment, special, lengths);
    case "span corruption":
      return spanCorruption(segment, special, lengths, random);
    case "whole-text denoising":
      return wholeTextDenoising(segment, special, lengths, random);
    case "sentence permutation": {
      const inside = sentences
        .map((span) => ({ start: span.start - start, end: span.end - start }))
        .filter((span) => span.start >= 0 && span.end <= segment.length);
      return sentencePermutation(segment, inside, special, lengths, random);
    }
  }
}
