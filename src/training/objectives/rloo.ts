import * as tf from "@tensorflow/tfjs";
import type { LabelledBatch } from "../../models";
import { leaveOneOutAdvantages, normalised } from "../advantages/groups";
import { klOfTokens } from "../advantages/kl";
import type { OnlineObjective } from "../rollouts/rollout";
import { checkEpsilon, checkTemperature, clippedSurrogate, maskedMean } from "./clipped";

export interface RlooOptions {
  /**
   * ε: how far the ratio of a completion's probabilities may move before it no longer counts.
   * @default 0.2
   */
  readonly epsilon?: number;
  /**
   * Whether advantages get mean 0 and deviation 1 over an iteration.
   * @default false
   */
  readonly normalizeAdvantages?: boolean;
  /** @default 1 */
  readonly temperature?: number;
}

/**
 * REINFORCE with a leave-one-out baseline (Ahmadian et al., 2024, arXiv 2402.14740), as TRL's `RLOOTrainer` computes it. A
 * completion is one action; no value network is needed.
 *
 *     R_i = score_i − β Σ_t (log π_old − log ρ)
 *     A_i = R_i − mean of R_j over the prompt's other completions
 *     L   = mean over completions of −min(r_i A_i, clip(r_i, 1 − ε, 1 + ε) A_i),   r_i = exp Σ_t (log π − log π_old)
 *
 * The loss is a mean over the completions of a step, however many batches they lie in.
 */
export function rlooObjective({
  epsilon = 0.2,
  normalizeAdvantages = false,
  temperature = 1,
}: RlooOptions = {}): OnlineObjective {
  checkEpsilon("epsilon", epsilon);
  checkTemperature(temperature);
  return {
    temperature,
    needsValues: false,
    leastInGroup: 2,
    learnFrom(rollouts, klCoefficient) {
      const rewards = rollouts.map(({ score, logprobs, referenceLogprobs }) => {
        const kl = klOfTokens("k1", logprobs, referenceLogprobs);
        return score - klCoefficient * kl.reduce((sum, value) => sum + value, 0);
      });
      const advantages = leaveOneOutAdvantages(
        rewards,
        rollouts.map(({ group }) => group),
      );
      return {
        perStep: {},
        perRollout: { advantages: normalizeAdvantages ? normalised(advantages) : advantages },
        metrics: {},
      };
    },
    measure(model, batch) {
      const { completionMask, logprobs, advantages } = batch as Record<string, tf.Tensor2D>;
      const shape = completionMask!.shape;
      const { losses, entropies } = model.labelPredictions(batch as unknown as LabelledBatch, {
        temperature,
      });
      const perStep = (values: tf.Tensor) => tf.reshape(values, shape);
      const moved = tf.mul(tf.sub(tf.neg(perStep(losses)), logprobs!), completionMask!);
      const { loss, low, high } = clippedSurrogate(tf.sum(moved, 1, true), advantages!, epsilon);
      const isThere = tf.cast(tf.greater(tf.sum(completionMask!, 1, true), tf.scalar(0)), "float32");
      return {
        loss: maskedMean(loss, isThere),
        metrics: {
          entropy: maskedMean(perStep(entropies), completionMask!),
          "clip_ratio/low_mean": maskedMean(low, isThere),
          "clip_ratio/high_mean": maskedMean(high, isThere),
          "clip_ratio/region_mean": maskedMean(tf.add(low, high), isThere),
        },
      };
    },
    fingerprint: { objective: "rloo", epsilon, normalizeAdvantages, temperature },
  };
}
