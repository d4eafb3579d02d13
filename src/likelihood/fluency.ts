import { type Likelihood, perToken, type SaidAfter } from "./likelihood";

/**
 * How fluent answers are where they stand, each in nats a token:
 *
 *     fluency = 1/|y| Σ log p(y_t | what stands before, y_<t)
 *
 * over the answer's tokens y and the one that ends it; the perplexity of the answer is exp(−fluency).
 *
 * Its weakness: a likely text is not a good one. What is short, common and says nothing is the likeliest, and what is said again and
 * again becomes likely by being said; a rare word that is right costs as much as one that is wrong. So it can tell that something
 * is broken, not that it is good. Compare answers to the same thing, of about one length, by one model only.
 *
 * @throws {NoLikelihood} as {@link Likelihood.logprobs}
 */
export async function fluency(likelihood: Likelihood, said: readonly SaidAfter[]): Promise<number[]> {
  return (await likelihood.logprobs(said)).map(perToken);
}
