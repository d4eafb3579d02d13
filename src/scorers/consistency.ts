import { quantileSorted } from "simple-statistics";
import type { BootstrapOptions, Interval } from "../metrics";
import { Random } from "../random";
import { type LabelScorer, likeliest } from "./scorer";

/** What the labels of NLI count in a C.score. */
const worth: Readonly<Record<string, number>> = { entailment: 1, neutral: 0, contradiction: -1 };

/** How the facts of a persona make one number of an answer: the largest (Madotto et al.; PAL's code), or their sum (ChanLiang). */
export type ConsistencyDefinition = "max" | "sum";

/** An answer with the facts of the persona who gave it. */
export interface FactedAnswer {
  readonly facts: readonly string[];
  readonly answer: string;
}

/** A C.score with what the scorer's errors make of it. */
export interface ConsistencyScore {
  readonly definition: ConsistencyDefinition;
  readonly answers: number;
  /** As the scorer labels: the number that others print. Its interval is that of the answers alone. */
  readonly raw: Interval;
  /** Corrected for the scorer's errors, with the interval of answers and errors together. */
  readonly corrected: Interval;
}

export interface ConsistencyOptions extends BootstrapOptions {
  /** @default "max" */
  readonly definition?: ConsistencyDefinition;
}

/**
 * The C.score of answers, of which each has a label for every fact, with the scorer's errors taken out:
 *
 *     c_i      = max over facts (or Σ) of worth(label),   worth: entailment 1, neutral 0, contradiction −1
 *     raw      = mean over answers of c_i
 *     q_s      = share of pairs labelled s,   M_ts = P(labelled s | truly t), from the confusion matrix with ½ added to each count
 *     p        = arg max over shares of Σ_s q_s log Σ_t p_t M_ts            (the true shares; expectation–maximisation)
 *     P(t | s) = p_t M_ts / Σ_u p_u M_us
 *     corrected = mean over answers of E[max (or Σ) over facts of worth(t)],   t drawn from P(t | its label), facts independent
 *
 * Its interval draws answers with replacement and, each time, a confusion matrix from the texts that it was measured on, so that it is
 * wide where the scorer is bad or was measured on little. It holds as far as the scorer errs on these pairs as it did on those, and
 * errs on each fact by itself. Where the scorer tells labels hardly apart, p is hardly known, and the interval says so.
 *
 * @param labelled of each answer the index of the label of every fact
 * @param confusion counts by true label (rows) and given label (columns), on held-out pairs
 * @throws {RangeError} without answers, for an answer without facts, or a confusion matrix without texts of some label
 */
export function consistencyScore(
  labels: readonly string[],
  labelled: readonly (readonly number[])[],
  confusion: readonly (readonly number[])[],
  { definition = "max", resamples = 1000, confidence = 0.95, seed = 13 }: ConsistencyOptions = {},
): ConsistencyScore {
  const worths = worthsOf(labels);
  if (labelled.length === 0) throw new RangeError("a C.score needs answers");
  const empty = labelled.findIndex((facts) => facts.length === 0);
  if (empty >= 0) throw new RangeError(`answer ${empty + 1} has no facts to be judged by`);
  const unseen = confusion.findIndex((row) => row.reduce((a, b) => a + b, 0) === 0);
  if (unseen >= 0)
    throw new RangeError(
      `the scorer was measured on no pair of ${labels[unseen]!}: its errors are not known`,
    );

  // Answers with equal counts of labels are alike, so that each kind is computed once a resample.
  const kinds = new Map<string, { counts: number[]; raw: number }>();
  const kindOf = labelled.map((facts) => {
    const counts = labels.map((_, label) => facts.filter((found) => found === label).length);
    const key = counts.join();
    if (!kinds.has(key)) kinds.set(key, { counts, raw: joined(facts, worths, definition) });
    return key;
  });
  const scores = (drawn: ReadonlyMap<string, number>, matrix: readonly (readonly number[])[]) => {
    const pairs = labels.map(() => 0);
    let [raw, total] = [0, 0];
    for (const [key, times] of drawn) {
      const kind = kinds.get(key)!;
      kind.counts.forEach((count, label) => (pairs[label]! += times * count));
      raw += times * kind.raw;
      total += times;
    }
    const beliefs = truthGivenLabel(pairs, matrix);
    let corrected = 0;
    for (const [key, times] of drawn)
      corrected += times * expectedWorth(kinds.get(key)!.counts, beliefs, worths, definition);
    return { raw: raw / total, corrected: corrected / total };
  };
  const tally = (keys: Iterable<string>) => {
    const drawn = new Map<string, number>();
    for (const key of keys) drawn.set(key, (drawn.get(key) ?? 0) + 1);
    return drawn;
  };

  const found = scores(tally(kindOf), confusion);
  const random = new Random(seed);
  const draws = Array.from({ length: resamples }, () => {
    const keys = kindOf.map(() => kindOf[random.integer(kindOf.length)]!);
    return scores(
      tally(keys),
      confusion.map((row) => redrawn(row, random)),
    );
  });
  const tail = (1 - confidence) / 2;
  const interval = (which: "raw" | "corrected"): Interval => {
    const sorted = draws.map((draw) => draw[which]).sort((a, b) => a - b);
    return { value: found[which], low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail) };
  };
  return { definition, answers: labelled.length, raw: interval("raw"), corrected: interval("corrected") };
}

function worthsOf(labels: readonly string[]): number[] {
  return labels.map((label) => {
    const value = worth[label];
    if (value === undefined)
      throw new RangeError(`a C.score is made of ${Object.keys(worth).join(", ")}; the scorer has ${label}`);
    return value;
  });
}

const joined = (
  facts: readonly number[],
  worths: readonly number[],
  definition: ConsistencyDefinition,
): number => {
  const values = facts.map((label) => worths[label]!);
  return definition === "max" ? Math.max(...values) : values.reduce((a, b) => a + b, 0);
};

/** The c_i of {@link consistencyScore}, uncorrected: a number an answer, for paired tests. */
export function answerConsistency(
  labels: readonly string[],
  labelled: readonly (readonly number[])[],
  definition: ConsistencyDefinition,
): number[] {
  const worths = worthsOf(labels);
  return labelled.map((facts) => joined(facts, worths, definition));
}

/** {@link consistencyScore} of answers, by a scorer of NLI and what it got wrong on held-out pairs. */
export async function scoreConsistency(
  scorer: LabelScorer,
  answers: readonly FactedAnswer[],
  confusion: readonly (readonly number[])[],
  options?: ConsistencyOptions,
): Promise<ConsistencyScore> {
  const pairs = answers.flatMap(({ facts, answer }) => facts.map((fact) => [fact, answer] as const));
  const given = (await scorer.probabilities(pairs)).map(likeliest);
  let at = 0;
  const labelled = answers.map(({ facts }) => facts.map(() => given[at++]!));
  return consistencyScore(scorer.labels, labelled, confusion, options);
}

/** P(truly t | labelled s), by s and then t. In plain loops without memory of their own: it is done for every resample. */
function truthGivenLabel(pairs: readonly number[], confusion: readonly (readonly number[])[]): number[][] {
  const size = pairs.length;
  const all = pairs.reduce((a, b) => a + b, 0);
  const rates = confusion.map((row) => {
    const total = row.reduce((a, b) => a + b, 0) + row.length / 2;
    return row.map((count) => (count + 0.5) / total);
  });
  const beliefs = pairs.map(() => new Array<number>(size).fill(0));
  let shares = new Float64Array(size).fill(1 / size);
  let next = new Float64Array(size);
  const believe = () => {
    for (let s = 0; s < size; s++) {
      const belief = beliefs[s]!;
      let sum = 0;
      for (let t = 0; t < size; t++) sum += belief[t] = shares[t]! * rates[t]![s]!;
      for (let t = 0; t < size; t++) belief[t]! /= sum;
    }
  };
  for (let round = 0; round < 500; round++) {
    believe();
    let moved = 0;
    for (let t = 0; t < size; t++) {
      let share = 0;
      for (let s = 0; s < size; s++) share += (pairs[s]! / all) * beliefs[s]![t]!;
      moved = Math.max(moved, Math.abs(share - shares[t]!));
      next[t] = share;
    }
    [shares, next] = [next, shares];
    if (moved < 1e-8) break;
  }
  believe();
  return beliefs;
}

/** E[max or Σ of worths] over facts of which `counts` have each label, each fact's truth drawn by itself. */
function expectedWorth(
  counts: readonly number[],
  beliefs: readonly (readonly number[])[],
  worths: readonly number[],
  definition: ConsistencyDefinition,
): number {
  if (definition === "sum")
    return counts.reduce(
      (sum, count, s) => sum + count * worths.reduce((mean, value, t) => mean + value * beliefs[s]![t]!, 0),
      0,
    );
  // P(max ≤ w) = Π over facts of P(worth ≤ w).
  const levels = [...new Set(worths)].sort((a, b) => a - b);
  let [expected, below] = [0, 0];
  for (const level of levels) {
    const upTo = counts.reduce((product, count, s) => {
      const share = worths.reduce((sum, value, t) => (value <= level ? sum + beliefs[s]![t]! : sum), 0);
      return product * share ** count;
    }, 1);
    expected += level * (upTo - below);
    below = upTo;
  }
  return expected;
}

/** Counts of as many texts, drawn with replacement from those that gave `row`. */
function redrawn(row: readonly number[], random: Random): number[] {
  const total = row.reduce((a, b) => a + b, 0);
  const counts = row.map(() => 0);
  for (let draw = 0; draw < total; draw++) {
    let left = random.integer(total);
    counts[row.findIndex((count) => (left -= count) < 0)]!++;
  }
  return counts;
}
