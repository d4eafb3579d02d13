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

/** All scores of one output. ROUGE without stemming; coverage of both personas together; facts as {@link ownedFacts} counts them. */
export function scoreCase({ output, reference, personas }: ScoredText): CaseScores {
  const { precision, recall, fmeasure } = rougeL(output, reference);
  const facts = personas.flat();
  const { said, owned } = ownedFacts(output, personas);
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

/** One metric of a scored set of cases, ready for intervals and paired tests. */
export function additiveMetric(cases: readonly ScoredCase[], metric: SetMetric): AdditiveMetric {
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
