import { isShown } from "../analysis";
import type { SelectionRow } from "../corpus";
import {
  type AdditiveMetric,
  bleuFromStatistics,
  bleuStatistics,
  bootstrapInterval,
  type BootstrapOptions,
  differenceMetric,
  distinctN,
  holm,
  type Interval,
  ownedFacts,
  ownershipMetric,
  pairedRandomizationTest,
  ratioMetric,
  rougeL,
} from "../metrics";
import {
  answerConsistency,
  type ConsistencyDefinition,
  type ConsistencyScore,
  consistencyScore,
  type LabelScorer,
  likeliest,
  type MeasuredCard,
} from "../scorers";
import { cutToTokens } from "../text";
import { byDialogue } from "./clusters";
import { scoredTokens, spaced } from "./cut";

/** An answer in its place, and how likely the response was to who gave it. */
export interface Answered {
  readonly row: SelectionRow;
  readonly answer: string;
  readonly likelihood?: { readonly nats: number; readonly tokens: number; readonly bytes: number };
}

/** Who labels answers for a C.score, and what that one got wrong on held-out pairs. */
export interface Consistency {
  readonly scorer: LabelScorer;
  readonly measured: MeasuredCard;
}

/**
 * Scores of a set of answers: BLEU in 0–100, ROUGE-L and ownership in 0–1, C.scores, the response's perplexity and its bits a byte, by
 * which models with other tokenizers compare, words an answer.
 */
export const alignmentMetrics = [
  "bleu1",
  "bleu2",
  "bleu3",
  "bleu4",
  "rougeL",
  "ownership",
  "cscore_max",
  "cscore_sum",
  "perplexity",
  "bitsPerByte",
  "words",
] as const;
export type AlignmentMetric = (typeof alignmentMetrics)[number];

/**
 * Scores of a set of answers by dialogues ({@link byDialogue}); without perplexity and bits a byte where no likelihood was asked, and without C.scores
 * where no persona has facts.
 */
export type ScoredAnswers = Partial<Record<AlignmentMetric, AdditiveMetric>>;

/**
 * BLEU with n-grams up to n, 0–100, as pycocoevalcap counts BLEU-1 to BLEU-4: brevity penalty · exp(1/n Σ ln p_i), from sacreBLEU's
 * counts and smoothing.
 */
export function bleuOfOrder(sums: ArrayLike<number>, n: 1 | 2 | 3 | 4): number {
  const { precisions, brevityPenalty } = bleuFromStatistics(sums);
  const logs = precisions.slice(0, n).map((precision) => Math.log(precision));
  return brevityPenalty * Math.exp(logs.reduce((a, b) => a + b, 0) / n);
}

/** The scorer's label of each fact with each answer; an answer without words is neutral to all, and those without facts have none. */
export async function labelFacts(
  { scorer }: Consistency,
  answered: readonly Pick<Answered, "row" | "answer">[],
): Promise<number[][]> {
  const neutral = scorer.labels.indexOf("neutral");
  const isEmpty = ({ answer }: Pick<Answered, "answer">) => answer.trim() === "";
  const pairs = answered.flatMap((one) =>
    isEmpty(one) ? [] : one.row.persona.map((fact) => [fact, one.answer] as const),
  );
  const given = (await scorer.probabilities(pairs)).map(likeliest);
  let at = 0;
  return answered.map((one) => one.row.persona.map(() => (isEmpty(one) ? neutral : given[at++]!)));
}

/**
 * The scores of answers. C.scores are as the scorer labels, uncorrected; {@link correctedConsistency} says what they are worth.
 *
 * @param labelled the scorer's labels, see {@link labelFacts}; C.scores are of answers of personas with facts
 * @throws {RangeError} without answers
 */
export function scoreAnswers(
  answered: readonly Answered[],
  { scorer }: Pick<Consistency, "scorer">,
  labelled: readonly (readonly number[])[],
): ScoredAnswers {
  if (answered.length === 0) throw new RangeError("there are no answers to score");
  const rows = answered.map(({ row }) => row);
  const of = (metric: AdditiveMetric) => byDialogue(metric, rows);
  const mean = (values: readonly number[]) => of(ratioMetric(values.map((value) => [value, 1])));
  const bleu = answered.map(({ row, answer }) => bleuStatistics(spaced(answer), spaced(row.response)));
  const ofOrder = (n: 1 | 2 | 3 | 4) => of({ rows: bleu, value: (sums) => bleuOfOrder(sums, n) });
  const consistency = (definition: ConsistencyDefinition) => {
    const own = [...labelled.keys()].filter((i) => labelled[i]!.length > 0);
    const values = answerConsistency(
      scorer.labels,
      own.map((i) => labelled[i]!),
      definition,
    );
    const place = new Map(own.map((i, at) => [i, at]));
    return of(
      ratioMetric(
        labelled.map((_, i) => (place.has(i) ? ([values[place.get(i)!]!, 1] as const) : ([0, 0] as const))),
      ),
    );
  };
  const likelihoods = answered.flatMap(({ likelihood }) => likelihood ?? []);
  return {
    bleu1: ofOrder(1),
    bleu2: ofOrder(2),
    bleu3: ofOrder(3),
    bleu4: ofOrder(4),
    rougeL: mean(
      answered.map(({ row, answer }) => rougeL(answer, row.response, { tokens: scoredTokens }).fmeasure),
    ),
    ownership: of(
      ownershipMetric(
        answered.map(({ row: { partner, persona }, answer }) =>
          partner.length === 0
            ? { said: 0, owned: 0 }
            : ownedFacts([{ speaker: 2, text: spaced(answer) }], [partner.map(spaced), persona.map(spaced)]),
        ),
      ),
    ),
    ...(labelled.some((facts) => facts.length > 0) && {
      cscore_max: consistency("max"),
      cscore_sum: consistency("sum"),
    }),
    ...(likelihoods.length === answered.length && {
      perplexity: of({
        rows: likelihoods.map(({ nats, tokens }) => [nats, tokens]),
        value: (sums) => Math.exp(sums[0]! / sums[1]!),
      }),
      bitsPerByte: of(ratioMetric(likelihoods.map(({ nats, bytes }) => [nats / Math.LN2, bytes] as const))),
    }),
    words: mean(answered.map(({ answer }) => scoredTokens(answer).length)),
  };
}

/** Both C.scores of answers with the scorer's errors taken out; see {@link consistencyScore}. */
export function correctedConsistency(
  { scorer, measured }: Consistency,
  labelled: readonly (readonly number[])[],
  options: BootstrapOptions = {},
): Record<ConsistencyDefinition, ConsistencyScore> {
  const own = labelled.filter((facts) => facts.length > 0);
  const of = (definition: ConsistencyDefinition) =>
    consistencyScore(scorer.labels, own, measured.confusion, { ...options, definition });
  return { max: of("max"), sum: of("sum") };
}

/** The scores with intervals that draw dialogues. */
export function scoreIntervals(
  scored: ScoredAnswers,
  options: BootstrapOptions = {},
): Partial<Record<AlignmentMetric, Interval>> {
  return Object.fromEntries(
    Object.entries(scored).map(([name, metric]) => [name, bootstrapInterval(metric, options)]),
  );
}

/**
 * distinct-n over the first `tokens` tokens of answers together, 0–1: it falls as texts grow, so that only sets of equally many tokens
 * compare.
 *
 * @throws {RangeError} if the answers have fewer
 */
export function distinctAt(answers: readonly string[], n: number, tokens: number): number {
  const kept: string[] = [];
  let left = tokens;
  for (const answer of answers) {
    if (left === 0) break;
    const own = scoredTokens(answer).slice(0, left);
    kept.push(own.join(" "));
    left -= own.length;
  }
  if (left > 0) throw new RangeError(`the answers have ${tokens - left} tokens, not ${tokens}`);
  return distinctN(kept, n);
}

/** Tokens of answers together. */
export const tokensOf = (answers: readonly string[]): number =>
  answers.reduce((sum, answer) => sum + scoredTokens(answer).length, 0);

/** An answer cut to so many words, or characters of scripts without spaces. */
export const cutAnswer = <A extends Pick<Answered, "answer">>(one: A, words: number): A => ({
  ...one,
  answer: cutToTokens(spaced(one.answer), words),
});

/** A line of {@link compareAnswers}. */
export type AlignmentComparison = {
  "a − b": string;
  metric: AlignmentMetric;
  difference: number;
  low: number;
  high: number;
  /** Of this comparison alone. */
  pValue: number;
  /** Holm's, for all comparisons of the table together. */
  adjustedPValue: number;
  verdict: "a is higher" | "a is lower" | "no difference shown";
};

/**
 * Paired differences of scores between sets of answers to the same rows: intervals draw dialogues, tests swap them, and a difference is
 * shown where the interval is without 0 and Holm's p-value below 0.05.
 *
 * @throws {RangeError} where a metric was not scored
 */
export function compareAnswers(
  pairs: readonly (readonly [a: NamedScores, b: NamedScores])[],
  metrics: readonly AlignmentMetric[],
  options: BootstrapOptions = {},
): AlignmentComparison[] {
  const found = pairs.flatMap(([a, b]) =>
    metrics.map((metric) => {
      const [ofA, ofB] = [a, b].map(({ name, scores }) => {
        const score = scores[metric];
        if (!score) throw new RangeError(`${name} has no ${metric}`);
        return score;
      }) as [AdditiveMetric, AdditiveMetric];
      const { seed } = options;
      return {
        name: `${a.name} − ${b.name}`,
        metric,
        interval: bootstrapInterval(differenceMetric(ofA, ofB), options),
        ...pairedRandomizationTest(ofA, ofB, { ...(seed !== undefined && { seed }) }),
      };
    }),
  );
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map(({ name, metric, interval, pValue }, i) => {
    const { value, low, high } = interval;
    const verdict = !isShown(interval, adjusted[i]!, 0.05)
      ? "no difference shown"
      : value > 0
        ? "a is higher"
        : "a is lower";
    return {
      "a − b": name,
      ...{ metric, difference: value, low, high, pValue, adjustedPValue: adjusted[i]!, verdict },
    };
  });
}

/** Scores with a name. */
export interface NamedScores {
  readonly name: string;
  readonly scores: ScoredAnswers;
}
