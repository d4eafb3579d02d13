import type { InferenceScorer } from "../judges";
import type { LabelScorer } from "./scorer";

const relations = ["entailment", "neutral", "contradiction"] as const;

/**
 * A scorer of premises and hypotheses as judges ask it.
 *
 * @throws {Error} if its labels are not entailment, neutral and contradiction
 */
export function inferenceScorer(scorer: LabelScorer): InferenceScorer {
  const { name, labels, fingerprint } = scorer;
  const places = relations.map((relation) => labels.indexOf(relation));
  if (labels.length !== relations.length || places.includes(-1))
    throw new Error(`${name}: tells ${labels.join(", ")} apart, where ${relations.join(", ")} are needed`);
  return {
    name,
    fingerprint,
    async infer(pairs) {
      if (pairs.length === 0) return [];
      const rows = await scorer.probabilities(pairs);
      const [entailment, neutral, contradiction] = places as [number, number, number];
      return rows.map((row) => ({
        entailment: row[entailment]!,
        neutral: row[neutral]!,
        contradiction: row[contradiction]!,
      }));
    },
  };
}
