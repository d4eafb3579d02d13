import * as tf from "@tensorflow/tfjs";
import type { LabelledBatch } from "../../models";
import { groupAdvantages, type RewardScale, rewardScales } from "../advantages/groups";
import type { Mean } from "../objective";
import type { OnlineObjective } from "../rollouts/rollout";
import { checkEpsilon, checkTemperature, clippedSurrogate, maskedMean, ofBatch, quotient } from "./clipped";

/** What the summed loss of tokens is divided by. */
export const grpoLosses = ["grpo", "bnpo", "dr_grpo", "dapo"] as const;
export type GrpoLoss = (typeof grpoLosses)[number];

export interface GrpoOptions {
  /**
   * What the loss is a mean of: `grpo` of completions, each the mean of its tokens, which favours short good and long bad ones;
   * `bnpo` of a batch's tokens; `dr_grpo` of completions, each its sum over `maxNewTokens`; `dapo` of the tokens of a whole step.
   * @default "dapo"
   */
  readonly loss?: GrpoLoss;
  /**
   * By which deviation of the rewards advantages are divided.
   * @default "group"
   */
  readonly scaleRewards?: RewardScale;
  /** @default 0.2 */
  readonly epsilon?: number;
  /** @default 1 */
  readonly temperature?: number;
  /** The most tokens of a completion, by which `dr_grpo` divides. */
  readonly maxNewTokens: number;
}

/**
 * Group-relative policy optimisation (Shao et al., 2024, arXiv 2402.03300), as TRL's `GRPOTrainer` computes it. Each token is an
 * action, with its completion's advantage; the divergence from the reference is part of the loss, not of the reward.
 *
 *     A_i   = (score_i − mean of its group) / (deviation + 1e-4)
 *     l_it  = −min(r A_i, clip(r, 1 − ε, 1 + ε) A_i) + β r k3,   r = π / π_old of the token,
 *     k3    = ρ/π − 1 − log(ρ/π)
 *
 * k3 is weighted by r, as tokens are those of the older policy (TRL's `use_bias_correction_kl`).
 *
 * @throws {RangeError} for another loss, by name
 */
export function grpoObjective({
  loss: kind = "dapo",
  scaleRewards = "group",
  epsilon = 0.2,
  temperature = 1,
  maxNewTokens,
}: GrpoOptions): OnlineObjective {
  checkEpsilon("epsilon", epsilon);
  checkTemperature(temperature);
  if (!grpoLosses.includes(kind))
    throw new RangeError(`GRPO has the losses ${grpoLosses.join(", ")}, not ${String(kind)}`);
  if (!rewardScales.includes(scaleRewards))
    throw new RangeError(`scaleRewards is ${rewardScales.join(", ")}, not ${String(scaleRewards)}`);
  return {
    temperature,
    needsValues: false,
    leastInGroup: 2,
    learnFrom: (rollouts) => ({
      perStep: {},
      perRollout: {
        advantages: groupAdvantages(
          rollouts.map(({ score }) => score),
          rollouts.map(({ group }) => group),
          scaleRewards,
        ),
      },
      metrics: {},
    }),
    measure(model, batch) {
      const { completionMask, logprobs, referenceLogprobs, advantages, klCoefficient } = batch as Record<
        string,
        tf.Tensor2D
      >;
      const mask = completionMask!;
      const shape = mask.shape;
      const { losses, entropies } = model.labelPredictions(batch as unknown as LabelledBatch, {
        temperature,
      });
      const perStep = (values: tf.Tensor) => tf.reshape(values, shape);
      const current = tf.neg(perStep(losses));
      const moved = tf.mul(tf.sub(current, logprobs!), mask);
      const { loss: surrogate, low, high } = clippedSurrogate(moved, advantages!, epsilon);
      const apart = tf.mul(tf.sub(referenceLogprobs!, current), mask);
      const kl = tf.mul(tf.sub(tf.sub(tf.exp(apart), tf.scalar(1)), apart), tf.exp(moved));
      const loss = tf.add(surrogate, tf.mul(kl, klCoefficient!));
      return {
        loss: divided[kind](loss, mask, maxNewTokens),
        metrics: {
          "policy/kl": maskedMean(kl, mask),
          entropy: maskedMean(perStep(entropies), mask),
          "clip_ratio/low_mean": maskedMean(low, mask),
          "clip_ratio/high_mean": maskedMean(high, mask),
          "clip_ratio/region_mean": maskedMean(tf.add(low, high), mask),
        },
      };
    },
    fingerprint: { objective: "grpo", loss: kind, scaleRewards, epsilon, temperature, maxNewTokens },
  };
}

/** The loss [rows, steps] as a mean that a step's batches are put together from. */
const divided: Record<GrpoLoss, (loss: tf.Tensor, mask: tf.Tensor, maxNewTokens: number) => Mean> = {
  grpo(loss, mask) {
    const lengths = tf.sum(mask, 1);
    const means = tf.div(tf.sum(tf.mul(loss, mask), 1), tf.maximum(lengths, tf.scalar(1)));
    return maskedMean(means, isThere(lengths));
  },
  bnpo: (loss, mask) => ofBatch(quotient(maskedMean(loss, mask))),
  dr_grpo: (loss, mask, maxNewTokens) => ({
    sum: maskedMean(loss, mask).sum,
    count: tf.mul(tf.sum(isThere(tf.sum(mask, 1))), tf.scalar(maxNewTokens)) as tf.Scalar,
  }),
  dapo: maskedMean,
};

/** 1 for a row with tokens, 0 for one of padding. */
const isThere = (lengths: tf.Tensor) => tf.cast(tf.greater(lengths, tf.scalar(0)), "float32");
