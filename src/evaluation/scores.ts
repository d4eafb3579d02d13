import {
  type AdditiveMetric,
  bleuStatistics,
  corpusBleuMetric,
  distinctN,
  jaccard,
  lengthRatio,
  meanMetric,
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

/** Scores that each case has: all 0–1 but `sentenceBleu` (0–100), `lengthRatio` and `outputTokens` (0 and up). */
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
  "distinct1",
  "distinct2",
  "lengthRatio",
  "outputTokens",
] as const;
export type CaseMetric = (typeof caseMetrics)[number];
export type CaseScores = Record<CaseMetric, number>;

/** Scores that a set of cases has: corpus BLEU (0–100), and the means of the cases' scores. */
export const setMetrics = ["bleu", ...caseMetrics] as const;
export type SetMetric = (typeof setMetrics)[number];

/** All scores of one output. ROUGE without stemming; coverage of both personas together. */
export function scoreCase({ output, reference, personas }: ScoredText): CaseScores {
  const { precision, recall, fmeasure } = rougeL(output, reference);
  const facts = personas.flat();
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
    distinct1: distinctN(output, 1),
    distinct2: distinctN(output, 2),
    lengthRatio: lengthRatio(output, reference),
    outputTokens: simpleTokens(output).length,
  };
}

/** A scored set of cases, metric by metric, ready for intervals and paired tests. */
export function additiveMetrics(
  cases: readonly (ScoredText & { metrics: CaseScores })[],
): Record<SetMetric, AdditiveMetric> {
  const means = caseMetrics.map(
    (name) => [name, meanMetric(cases.map(({ metrics }) => metrics[name]))] as const,
  );
  const statistics = cases.map(({ output, reference }) => bleuStatistics(output, reference));
  return { bleu: corpusBleuMetric(statistics), ...Object.fromEntries(means) } as Record<
    SetMetric,
    AdditiveMetric
  >;
}
