import type { Speaker } from "../corpus";
import {
  type AdditiveMetric,
  bleuStatistics,
  corpusBleuMetric,
  distinctN,
  jaccard,
  lengthRatio,
  meanMetric,
  ownedFacts,
  ownershipMetric,
  personaCoverage,
  ratioMetric,
  rougeL,
  rougeN,
  sentenceBleu,
  unigramF1,
} from "../metrics";
import { simpleTokens } from "../text";

/** A text to be judged: what a variant said, what should have been said, and for which personas. */
export interface ScoredText {
  output: string;
  reference: string;
  /** The facts of User 1 and of User 2. */
  personas: readonly (readonly string[])[];
  /** Who says the output, where it is one turn and no conversation of both. */
  speaker?: Speaker | undefined;
  /** How likely the reference was to the variant, where that was asked. */
  likelihood?: Likelihood | undefined;
}

/** How likely a text was to a model, given what came before it. */
export interface Likelihood {
  /** −log p of the text's tokens, that which ends it included. */
  readonly nats: number;
  readonly tokens: number;
  /** Of the text, in UTF-8. */
  readonly bytes: number;
}

/**
 * Scores that each case has: all 0–1 but `sentenceBleu` (0–100) and `lengthRatio`, `outputTokens`, `factsSaid` and `factsOwned`
 * (0 and up).
 */
export const caseMetrics = [
  "sentenceBleu",
  "rougeL",
  "rougeLPrecision",
  "rougeLRecall",
  "rouge1",
  "rouge2",
  "unigramF1",
  "jaccard",
  "personaCoverage",
  "personaCoverageContent",
  "factsSaid",
  "factsOwned",
  "distinct1",
  "distinct2",
  "lengthRatio",
  "outputTokens",
] as const;
export type CaseMetric = (typeof caseMetrics)[number];
export type CaseScores = Record<CaseMetric, number>;

/** Scores that a set of cases has: corpus BLEU (0–100), ownership (0–1), and the means of the cases' scores. */
export const setMetrics = ["bleu", "ownership", ...caseMetrics] as const;
export type SetMetric = (typeof setMetrics)[number];

/**
 * Scores that a set of cases has whose references' likelihood was asked: perplexity exp(Σ nats / Σ tokens), and bits a byte
 * Σ nats / (ln 2 · Σ bytes), which compares models with different tokenizers.
 */
export const likelihoodMetrics = ["perplexity", "bitsPerByte"] as const;
export type LikelihoodMetric = (typeof likelihoodMetrics)[number];

/** Any score of a set of cases. */
export type Metric = SetMetric | LikelihoodMetric;

export const isLikelihoodMetric = (metric: Metric): metric is LikelihoodMetric =>
  (likelihoodMetrics as readonly string[]).includes(metric);

/**
 * All scores of one output. ROUGE without stemming; coverage of both personas together, or of the one who speaks; facts as
 * {@link ownedFacts} counts them.
 */
export function scoreCase({ output, reference, personas, speaker }: ScoredText): CaseScores {
  const { precision, recall, fmeasure } = rougeL(output, reference);
  const facts = speaker === undefined ? personas.flat() : personas[speaker - 1]!;
  const { said, owned } = ownedFacts(speaker === undefined ? output : [{ speaker, text: output }], personas);
  return {
    sentenceBleu: sentenceBleu(output, reference).score,
    rougeL: fmeasure,
    rougeLPrecision: precision,
    rougeLRecall: recall,
    rouge1: rougeN(output, reference, 1).fmeasure,
    rouge2: rougeN(output, reference, 2).fmeasure,
    unigramF1: unigramF1(output, reference),
    jaccard: jaccard(output, reference),
    personaCoverage: personaCoverage(output, facts),
    personaCoverageContent: personaCoverage(output, facts, { ignoreStopWords: true }),
    factsSaid: said,
    factsOwned: owned,
    distinct1: distinctN(output, 1),
    distinct2: distinctN(output, 2),
    lengthRatio: lengthRatio(output, reference),
    outputTokens: simpleTokens(output).length,
  };
}

/** A case with its scores. */
type ScoredCase = ScoredText & { metrics: CaseScores };

/**
 * One metric of a scored set of cases, ready for intervals and paired tests.
 *
 * @throws {Error} for a metric of likelihoods, where a case has none
 */
export function additiveMetric(cases: readonly ScoredCase[], metric: Metric): AdditiveMetric {
  if (isLikelihoodMetric(metric)) return likelihoodMetric(cases, metric);
  if (metric === "bleu")
    return corpusBleuMetric(cases.map(({ output, reference }) => bleuStatistics(output, reference)));
  if (metric === "ownership")
    return ownershipMetric(
      cases.map(({ metrics }) => ({ said: metrics.factsSaid, owned: metrics.factsOwned })),
    );
  return meanMetric(cases.map(({ metrics }) => metrics[metric]));
}

/** All metrics of a scored set of cases: {@link additiveMetric}. */
export function additiveMetrics(cases: readonly ScoredCase[]): Record<SetMetric, AdditiveMetric> {
  return Object.fromEntries(setMetrics.map((name) => [name, additiveMetric(cases, name)])) as Record<
    SetMetric,
    AdditiveMetric
  >;
}

function likelihoodMetric(cases: readonly ScoredCase[], metric: LikelihoodMetric): AdditiveMetric {
  const all = cases.map(({ likelihood }) => {
    if (likelihood) return likelihood;
    throw new Error(`${metric} is of references whose likelihood was asked: evaluate a model on rows`);
  });
  if (metric === "bitsPerByte")
    return ratioMetric(all.map(({ nats, bytes }) => [nats / Math.LN2, bytes] as const));
  return {
    rows: all.map(({ nats, tokens }) => [nats, tokens]),
    value: (sums) => Math.exp(sums[0]! / sums[1]!),
  };
}
