import * as tf from "@tensorflow/tfjs";
import { mean } from "simple-statistics";
import type { LabelledBatch } from "../../models";
import { gae, stepRewards, whitened } from "../advantages/gae";
import { type KlEstimator, klOfTokens } from "../advantages/kl";
import { hasValues } from "../policies/value-head";
import type { OnlineObjective } from "../rollouts/rollout";
import { checkEpsilon, checkTemperature, clippedSurrogate, maskedMean, ofBatch, quotient } from "./clipped";

export interface PpoOptions {
  /** @default 0.2 */
  readonly epsilon?: number;
  /**
   * How far a value may move from the old one before it no longer counts.
   * @default 0.2
   */
  readonly valueEpsilon?: number;
  /**
   * What the loss of the values counts beside the policy's.
   * @default 0.1
   */
  readonly valueCoefficient?: number;
  /** @default 1 */
  readonly gamma?: number;
  /** @default 0.95 */
  readonly lambda?: number;
  /** @default "k1" */
  readonly klEstimator?: KlEstimator;
  /**
   * Whether rewards get variance 1 before advantages are made of them.
   * @default false
   */
  readonly whitenRewards?: boolean;
  /** @default 1 */
  readonly temperature?: number;
}

/**
 * Proximal policy optimisation (Schulman et al., 2017, arXiv 1707.06347; for language models Ziegler et al., 2019), as TRL's
 * `PPOTrainer` computes it, with a value head on the policy's own states.
 *
 *     r_t = −β KL_t, and the score at a completion's last step
 *     A   = GAE(r, V) whitened over all tokens,   R = GAE(r, V) + V
 *     L_π = mean over tokens of −min(ρ A, clip(ρ, 1 − ε, 1 + ε) A),   ρ = π / π_old
 *     L_V = ½ mean over steps of max((V − R)², (clip(V, V_old ± ε_V) − R)²)
 *     L   = L_π + c L_V
 *
 * A completion that ended below the limit has a step behind its end, where it gets its score. Means are those of a batch; a step
 * takes the mean over its batches.
 */
export function ppoObjective({
  epsilon = 0.2,
  valueEpsilon = 0.2,
  valueCoefficient = 0.1,
  gamma = 1,
  lambda = 0.95,
  klEstimator = "k1",
  whitenRewards = false,
  temperature = 1,
}: PpoOptions = {}): OnlineObjective {
  checkEpsilon("epsilon", epsilon);
  checkTemperature(temperature);
  for (const [name, value] of Object.entries({ gamma, lambda }))
    if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1, not ${value}`);
  if (!(Number.isFinite(valueEpsilon) && valueEpsilon > 0))
    throw new RangeError(`valueEpsilon must be above 0, not ${valueEpsilon}`);
  if (!(Number.isFinite(valueCoefficient) && valueCoefficient >= 0))
    throw new RangeError(`valueCoefficient must not be below 0, but is ${valueCoefficient}`);
  const settings = { epsilon, valueEpsilon, valueCoefficient, gamma, lambda, klEstimator, whitenRewards };
  return {
    temperature,
    needsValues: true,
    leastInGroup: 1,
    learnFrom(rollouts, klCoefficient) {
      const kl = rollouts.map(({ logprobs, referenceLogprobs }) =>
        klOfTokens(klEstimator, logprobs, referenceLogprobs),
      );
      const values = rollouts.map(({ values }) => Array.from(values!));
      const plain = rollouts.map(({ score }, i) =>
        stepRewards(kl[i]!, score, { steps: values[i]!.length, klCoefficient }),
      );
      const rewards = whitenRewards ? whitened(plain, { keepMean: true }) : plain;
      const estimates = rewards.map((row, i) => gae(row, values[i]!, { gamma, lambda }));
      const ofTokens = estimates.map((row, i) => row.slice(0, kl[i]!.length));
      const penalties = kl.map((row) => -klCoefficient * row.reduce((sum, value) => sum + value, 0));
      const scores = rollouts.map(({ score }) => score);
      return {
        perStep: {
          advantages: whitened(ofTokens),
          returns: estimates.map((row, i) => row.map((estimate, t) => estimate + values[i]![t]!)),
          oldValues: values,
          valueMask: values.map((row) => row.map(() => 1)),
        },
        perRollout: {},
        metrics: {
          "objective/scores": mean(scores),
          "objective/non_score_reward": mean(penalties),
          "objective/rlhf_reward": mean(scores) + mean(penalties),
          "val/num_eos_tokens": rollouts.filter(({ ended }) => ended).length,
        },
      };
    },
    measure(model, batch) {
      if (!hasValues(model))
        throw new Error(
          "PPO needs a policy with a value head: make it with withValueHead(policy, hiddenSize(model))",
        );
      const tensors = batch as Record<string, tf.Tensor2D>;
      const { completionMask, logprobs, advantages, returns, oldValues, valueMask } = tensors;
      const shape = completionMask!.shape;
      const perStep = (values: tf.Tensor) => tf.reshape(values, shape);
      const predicted = model.labelPredictions(batch as unknown as LabelledBatch, { temperature });
      const moved = tf.mul(tf.sub(tf.neg(perStep(predicted.losses)), logprobs!), completionMask!);
      const { loss, low, high } = clippedSurrogate(moved, advantages!, epsilon);
      const policyLoss = quotient(maskedMean(loss, completionMask!));

      const values = perStep(model.values(predicted.states));
      const by = tf.scalar(valueEpsilon);
      const near = tf.minimum(tf.maximum(values, tf.sub(oldValues!, by)), tf.add(oldValues!, by));
      const [free, clipped] = [values, near].map((value) => tf.square(tf.sub(value, returns!)));
      const halves = tf.mul(tf.maximum(free!, clipped!), tf.scalar(0.5));
      const valueLoss = quotient(maskedMean(halves, valueMask!));

      return {
        loss: ofBatch(tf.add(policyLoss, tf.mul(valueLoss, tf.scalar(valueCoefficient)))),
        metrics: {
          "loss/policy_avg": ofBatch(policyLoss),
          "loss/value_avg": ofBatch(valueLoss),
          entropy: maskedMean(perStep(predicted.entropies), completionMask!),
          "policy/approxkl_avg": maskedMean(tf.mul(tf.square(moved), tf.scalar(0.5)), completionMask!),
          "policy/clipfrac_avg": maskedMean(tf.add(low, high), completionMask!),
          "val/clipfrac_avg": maskedMean(tf.cast(tf.greater(clipped!, free!), "float32"), valueMask!),
          "val/ratio": maskedMean(tf.exp(moved), completionMask!),
        },
      };
    },
    fingerprint: { objective: "ppo", ...settings, temperature },
  };
}
