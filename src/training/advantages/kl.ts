/**
 * Estimators of the Kullback–Leibler divergence of a policy π from a reference ρ by tokens that π sampled (Schulman, 2020,
 * "Approximating KL Divergence"). With d = log ρ − log π of a token:
 *
 *     k1 = −d            right in the mean, may be below 0
 *     k3 = exp(d) − 1 − d   right in the mean as well, never below 0, less noise while the two are near
 */
export const klEstimators = ["k1", "k3"] as const;
export type KlEstimator = (typeof klEstimators)[number];

/** The estimate for each token, from the logprobs that policy and reference give it, in nats. */
export function klOfTokens(
  estimator: KlEstimator,
  logprobs: ArrayLike<number>,
  referenceLogprobs: ArrayLike<number>,
): number[] {
  return Array.from(logprobs, (logprob, t) => {
    const difference = referenceLogprobs[t]! - logprob;
    return estimator === "k1" ? -difference : Math.expm1(difference) - difference;
  });
}
