/** How likely each of three relations between two sentences is; the three are 0–1 and sum to 1. */
export interface Inference {
  readonly entailment: number;
  readonly neutral: number;
  readonly contradiction: number;
}

/** Says whether a sentence follows from another one, contradicts it, or neither (natural language inference). */
export interface InferenceScorer {
  /** What tables call it. */
  readonly name: string;
  /** What identifies it, to the last bit of its parameters. */
  readonly fingerprint: unknown;
  /** The probabilities of each pair of premise and hypothesis, in order. */
  infer(pairs: readonly (readonly [premise: string, hypothesis: string])[]): Promise<readonly Inference[]>;
}
