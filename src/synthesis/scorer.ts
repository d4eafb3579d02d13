import type { InferenceScorer } from "../judges";
import type { LabelScorer } from "../scorers";

/**
 * A scorer of NLI's labels as who tells contradictions.
 *
 * @throws {Error} if it has other labels
 */
export function inferenceOf(scorer: LabelScorer): InferenceScorer {
  const places = (["entailment", "neutral", "contradiction"] as const).map((label) => {
    const place = scorer.labels.indexOf(label);
    if (place < 0)
      throw new Error(
        `${scorer.name} has the labels ${scorer.labels.join(", ")}, and no ${label}: take a scorer of NLI`,
      );
    return place;
  });
  return {
    name: scorer.name,
    fingerprint: scorer.fingerprint,
    async infer(pairs) {
      if (pairs.length === 0) return [];
      return (await scorer.probabilities(pairs)).map((row) => {
        const [entailment, neutral, contradiction] = places.map((place) => row[place]!) as [
          number,
          number,
          number,
        ];
        return { entailment, neutral, contradiction };
      });
    },
  };
}
