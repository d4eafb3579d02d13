import * as tf from "@tensorflow/tfjs";
import type { Mean } from "../objective";

/** What a clipped step did: parts of what is learned from, 1 or 0 each. */
export interface Clipped {
  /** −min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) */
  readonly loss: tf.Tensor;
  /** Whether a worse action is no longer made less likely, as it is below 1 − ε already. */
  readonly low: tf.Tensor;
  /** Whether a better action is no longer made more likely, as it is above 1 + ε already. */
  readonly high: tf.Tensor;
}

/**
 * The clipped surrogate of PPO (Schulman et al., 2017): with the ratio ρ = π / π_old of an action (a token, or a whole
 * completion) and its advantage A,
 *
 *     −min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)
 *
 * @param logRatio log ρ
 */
export function clippedSurrogate(logRatio: tf.Tensor, advantages: tf.Tensor, epsilon: number): Clipped {
  const ratio = tf.exp(logRatio);
  const clipped = tf.clipByValue(ratio, 1 - epsilon, 1 + epsilon);
  const zero = tf.scalar(0);
  const both = (a: tf.Tensor, b: tf.Tensor) => tf.cast(tf.logicalAnd(a, b), "float32");
  return {
    loss: tf.neg(tf.minimum(tf.mul(ratio, advantages), tf.mul(clipped, advantages))),
    low: both(tf.less(ratio, tf.scalar(1 - epsilon)), tf.less(advantages, zero)),
    high: both(tf.greater(ratio, tf.scalar(1 + epsilon)), tf.greater(advantages, zero)),
  };
}

/** Σ mask · values / Σ mask, as what batches are put together from. */
export const maskedMean = (values: tf.Tensor, mask: tf.Tensor): Mean => ({
  sum: tf.sum(tf.mul(values, mask)) as tf.Scalar,
  count: tf.sum(mask) as tf.Scalar,
});

/** The quotient of a mean whose count may be 0. */
export const quotient = ({ sum, count }: Mean): tf.Scalar => tf.div(sum, tf.maximum(count, tf.scalar(1)));

/** A number as a mean of one batch. */
export const ofBatch = (value: tf.Scalar): Mean => ({ sum: value, count: tf.scalar(1) });

/** Refuses what would clip everything or nothing. */
export function checkEpsilon(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${name} must be between 0 and 1, not ${value}`);
}

/** Refuses a temperature that cannot divide. */
export function checkTemperature(value: number): void {
  if (!(Number.isFinite(value) && value > 0))
    throw new RangeError(`temperature must be above 0, not ${value}`);
}
