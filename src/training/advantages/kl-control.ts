/** How strongly a policy is held to its reference. */
export interface KlOptions {
  /** β: what a nat of divergence costs, in units of the reward. */
  readonly coefficient: number;
  /**
   * The divergence a completion, in nats, that the coefficient is moved towards.
   * @default none: the coefficient stays
   */
  readonly target?: number;
  /**
   * Completions after which the coefficient has followed the error.
   * @default 10000
   */
  readonly horizon?: number;
}

/** Refuses what means nothing, by name. */
export function checkKlOptions({ coefficient, target, horizon }: KlOptions): void {
  if (!(Number.isFinite(coefficient) && coefficient >= 0))
    throw new RangeError(`kl coefficient must not be below 0, but is ${coefficient}`);
  for (const [name, value] of Object.entries({ target, horizon }))
    if (value !== undefined && !(Number.isFinite(value) && value > 0))
      throw new RangeError(`kl ${name} must be above 0, but is ${value}`);
  if (target === undefined && horizon !== undefined)
    throw new RangeError("kl horizon has an effect with a target only");
  if (target !== undefined && coefficient === 0)
    throw new RangeError(
      "a kl target needs a coefficient above 0 to start from, as it is changed by a factor",
    );
}

/** No error counts for more than this. */
const MOST_ERROR = 0.2;

/**
 * The next coefficient, by the proportional controller of Ziegler et al. (2019, "Fine-Tuning Language Models from Human
 * Preferences"), in logarithms:
 *
 *     e = clip(KL / target − 1, −0.2, 0.2)
 *     β ← β (1 + e · completions / horizon)
 *
 * @param kl the divergence a completion of the last iteration, in nats
 */
export function nextKlCoefficient(
  coefficient: number,
  kl: number,
  completions: number,
  { target, horizon = 10_000 }: KlOptions,
): number {
  if (target === undefined) return coefficient;
  const error = Math.min(MOST_ERROR, Math.max(-MOST_ERROR, kl / target - 1));
  return coefficient * (1 + (error * completions) / horizon);
}
