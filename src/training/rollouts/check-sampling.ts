/** Nats between logprobs that are one model's; rounding is a hundredth of it. */
const MOST = 0.01;

/**
 * Compares the logprobs by which tokens were drawn with those that the training's program gives the same tokens.
 *
 * @throws {Error} if the two differ by more than rounding: the policy that samples is then not the one that learns
 */
export function checkSampling(sampled: ArrayLike<number>, learned: ArrayLike<number>): void {
  const apart = Math.max(...Array.from(sampled, (logprob, t) => Math.abs(logprob - learned[t]!)));
  if (apart <= MOST) return;
  throw new Error(
    `the policy that samples is not the one that learns: their logprobs of the same tokens differ by up to ${apart.toFixed(3)} nats. ` +
      `A base that only training rounds (frozenWeights int8, or nf4 over exact weights) does that: take float32, or a checkpoint whose own ` +
      `weights are in NF4`,
  );
}
