import * as tf from "@tensorflow/tfjs";
import { type LabelledBatch, labelShares } from "../../models";
import { bothFall } from "../alarms/both-fall";
import { referenceStart } from "../alarms/reference-start";
import type { Mean, Objective } from "../objective";
import { sequenceSums } from "../sequence-sums";
import { preferenceLosses, preferenceLossNames, type PreferenceLossName } from "./preference-losses";

/** A batch of pairs: rows 2k and 2k + 1 are the chosen and the rejected answer to one prompt; only answers have labels. */
export interface PairBatch extends LabelledBatch {
  /** [rows]: log-probability of each row's answer by the reference. */
  readonly referenceLogprobs: tf.Tensor1D;
}

export interface DpoOptions {
  /**
   * Which loss; see `preferenceLosses`.
   * @default "sigmoid"
   */
  readonly loss?: PreferenceLossName;
  /**
   * β: how strongly the policy is held to the reference.
   * @default 0.1
   */
  readonly beta?: number;
  /**
   * ε, above 0 and below 0.5, of `robust` and `cdpo`, which need it: the share of pairs that are taken to be labelled the wrong way
   * round.
   * @default 0
   */
  readonly labelSmoothing?: number;
  /**
   * w of a term w · (−log π(y_w | x)) / |y_w| over the chosen answers' tokens: with `sigmoid` RPO (Pang et al., 2024).
   * @default 0
   */
  readonly sftWeight?: number;
  /**
   * Whether the policy starts as its reference, so that rewards begin at 0: an alarm compares. Changes nothing that is learned.
   * @default true
   */
  readonly startsAtReference?: boolean;
}

const defaults: Required<DpoOptions> = {
  loss: "sigmoid",
  beta: 0.1,
  labelSmoothing: 0,
  sftWeight: 0,
  startsAtReference: true,
};

/** The first of the options that means nothing, with what it must be; undefined where all are well. */
export function dpoProblem(
  options: DpoOptions,
): { readonly option: keyof DpoOptions; readonly must: string } | undefined {
  const { loss, beta, labelSmoothing, sftWeight } = { ...defaults, ...options };
  if (!preferenceLossNames.includes(loss))
    return { option: "loss", must: `be one of ${preferenceLossNames.join(", ")}` };
  if (!(Number.isFinite(beta) && beta > 0)) return { option: "beta", must: "be above 0" };
  if (!(Number.isFinite(sftWeight) && sftWeight >= 0)) return { option: "sftWeight", must: "be 0 or more" };
  const { smooths } = preferenceLosses[loss];
  const smoothing = preferenceLossNames.filter((name) => preferenceLosses[name].smooths).join(" and ");
  if (!smooths && labelSmoothing !== 0)
    return {
      option: "labelSmoothing",
      must: `be 0 with the loss ${loss}, to which it means nothing (only ${smoothing} smooth labels)`,
    };
  if (smooths && !(labelSmoothing > 0 && labelSmoothing < 0.5))
    return {
      option: "labelSmoothing",
      must:
        `be above 0 and below 0.5 with the loss ${loss} (it is the share of pairs that are labelled the wrong way round; where there are ` +
        "none, take the loss sigmoid)",
    };
  return undefined;
}

/**
 * Direct preference optimisation. With c = log π(y_w | x) − log ρ(y_w | x), r the same of the rejected answer, and log-probabilities
 * summed over an answer's tokens:
 *
 *     L = mean over pairs of loss(c, r) + w · mean over the chosen answers' tokens of −log π
 *
 * Metrics have TRL's names: `rewards/chosen` βc, `rewards/rejected` βr, `rewards/margins` β(c − r), `rewards/accuracies` (how often
 * c > r), `logps/…` log π, `logits/…` their mean over vocabulary and tokens, `entropy` over all answers' tokens,
 * `mean_token_accuracy` over the chosen ones';
 * beside them `lengths/chosen` and `lengths/rejected`, in tokens.
 *
 * @throws {RangeError} if an option means nothing
 */
export function dpoObjective(options: DpoOptions = {}): Objective {
  const problem = dpoProblem(options);
  if (problem)
    throw new RangeError(
      `${problem.option} must ${problem.must}, not ${String(options[problem.option] ?? defaults[problem.option])}`,
    );
  const { loss, beta, labelSmoothing, sftWeight, startsAtReference } = { ...defaults, ...options };
  return {
    measure(model, tensors) {
      const batch = tensors as unknown as PairBatch;
      const { losses, entropies, isTop, meanLogits } = model.labelPredictions(batch);
      const shares = labelShares(batch);
      const ofAnswers = (values: tf.Tensor) => columns(sequenceSums(batch, tf.mul(values, shares)));
      const [chosenLosses, rejectedLosses] = ofAnswers(losses);
      const [chosenTokens, rejectedTokens] = columns(sequenceSums(batch, shares));
      const [chosenLogprobs, rejectedLogprobs] = [tf.neg(chosenLosses), tf.neg(rejectedLosses)];
      const [chosenReference, rejectedReference] = columns(batch.referenceLogprobs);
      const chosen = tf.sub(chosenLogprobs, chosenReference);
      const rejected = tf.sub(rejectedLogprobs, rejectedReference);

      // A pair that fills up a batch has no tokens.
      const isPair = tf.cast(tf.greater(chosenTokens, 0), "float32");
      const pairs = tf.sum(isPair) as tf.Scalar;
      const sumOfPairs = (values: tf.Tensor) => tf.sum(tf.mul(values, isPair)) as tf.Scalar;
      const meanOfPairs = (values: tf.Tensor): Mean => ({ sum: sumOfPairs(values), count: pairs });
      const [chosenLengths, rejectedLengths] = [chosenTokens, rejectedTokens].map((n) => tf.maximum(n, 1));
      const scores = { chosen, rejected, chosenLengths: chosenLengths!, rejectedLengths: rejectedLengths! };
      const preference = sumOfPairs(preferenceLosses[loss].ofPairs(scores, { beta, labelSmoothing }));
      const tokens = tf.sum(chosenTokens);
      const perToken = tf.div(tf.sum(chosenLosses), tf.maximum(tokens, 1));
      const sft = tf.mul(tf.mul(perToken, pairs), sftWeight);

      const [chosenHits] = ofAnswers(isTop);
      const [chosenLogits, rejectedLogits] = ofAnswers(meanLogits);
      const mean = (sum: tf.Tensor, count: tf.Tensor): Mean => ({
        sum: sum as tf.Scalar,
        count: count as tf.Scalar,
      });
      return {
        loss: { sum: (sftWeight > 0 ? tf.add(preference, sft) : preference) as tf.Scalar, count: pairs },
        metrics: {
          "rewards/chosen": meanOfPairs(tf.mul(chosen, beta)),
          "rewards/rejected": meanOfPairs(tf.mul(rejected, beta)),
          "rewards/accuracies": meanOfPairs(tf.cast(tf.greater(chosen, rejected), "float32")),
          "rewards/margins": meanOfPairs(tf.mul(tf.sub(chosen, rejected), beta)),
          "logps/chosen": meanOfPairs(chosenLogprobs),
          "logps/rejected": meanOfPairs(rejectedLogprobs),
          "logits/chosen": mean(tf.sum(chosenLogits), tokens),
          "logits/rejected": mean(tf.sum(rejectedLogits), tf.sum(rejectedTokens)),
          "lengths/chosen": meanOfPairs(chosenTokens),
          "lengths/rejected": meanOfPairs(rejectedTokens),
          entropy: mean(tf.sum(tf.mul(entropies, shares)), tf.sum(shares)),
          mean_token_accuracy: mean(tf.sum(chosenHits), tokens),
        },
      };
    },
    fingerprint: { objective: "dpo", loss, beta, labelSmoothing, sftWeight },
    alarms: [referenceStart({ beta, startsThere: startsAtReference }), bothFall(beta)],
  };
}

/** Of values [rows] those of the chosen and those of the rejected answers, [pairs] each. */
function columns(values: tf.Tensor): [chosen: tf.Tensor, rejected: tf.Tensor] {
  const pairs = values.size / 2;
  const both = tf.reshape(values, [pairs, 2]) as tf.Tensor2D;
  const column = (at: number) => tf.reshape(tf.slice(both, [0, at], [pairs, 1]), [pairs]);
  return [column(0), column(1)];
}
