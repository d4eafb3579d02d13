import * as tf from "@tensorflow/tfjs";

/** What a policy π thinks of pairs, beside a reference ρ; each [pairs]. */
export interface PairScores {
  /** c = log π(y_w | x) − log ρ(y_w | x), summed over the tokens of the chosen answer. */
  readonly chosen: tf.Tensor;
  /** r, the same of the rejected answer y_l. */
  readonly rejected: tf.Tensor;
  /** |y_w| and |y_l|, in tokens, at least 1. */
  readonly chosenLengths: tf.Tensor;
  readonly rejectedLengths: tf.Tensor;
}

/** How a loss is shaped. */
export interface LossShape {
  /** β: how strongly the policy is held to the reference; of `ipo` the τ of its paper. */
  readonly beta: number;
  /** ε: the share of pairs that are taken to be labelled the wrong way round. */
  readonly labelSmoothing: number;
}

/** A loss of pairs. */
export interface PreferenceLoss {
  /** Of each pair, [pairs], with δ = c − r. */
  readonly ofPairs: (scores: PairScores, shape: LossShape) => tf.Tensor;
  /** Whether ε means something to it; then it must be given. */
  readonly smooths: boolean;
}

/** −log σ(x). */
const softLoss = (x: tf.Tensor) => tf.softplus(tf.neg(x));

/** βδ */
const margin = ({ chosen, rejected }: PairScores, beta: number) => tf.mul(tf.sub(chosen, rejected), beta);

/** (1 − ε)(−log σ(βδ)) + sign · ε (−log σ(−βδ)) */
const noisy = (scores: PairScores, { beta, labelSmoothing: share }: LossShape, sign: 1 | -1) => {
  const x = margin(scores, beta);
  return tf.add(tf.mul(softLoss(x), 1 - share), tf.mul(softLoss(tf.neg(x)), sign * share));
};

/**
 * The losses by the names of TRL (`cdpo`: of its older releases, `sigmoid` with label smoothing):
 *
 *     sigmoid   −log σ(βδ)                                       DPO (Rafailov et al., 2023)
 *     hinge     max(0, 1 − βδ)                                   SLiC (Zhao et al., 2023), RSO (Liu et al., 2023)
 *     ipo       (c / |y_w| − r / |y_l| − 1 / 2β)²                IPO (Azar et al., 2023), by tokens as its authors ran it
 *     robust    [−(1 − ε) log σ(βδ) + ε log σ(−βδ)] / (1 − 2ε)   robust DPO (Chowdhury et al., 2024)
 *     cdpo      −(1 − ε) log σ(βδ) − ε log σ(−βδ)                conservative DPO (Mitchell, 2023)
 *     apo_zero  1 − σ(βc) + σ(βr)                                APO-zero (D'Oosterlinck et al., 2024)
 */
export const preferenceLosses = {
  sigmoid: { smooths: false, ofPairs: (scores, { beta }) => softLoss(margin(scores, beta)) },
  hinge: { smooths: false, ofPairs: (scores, { beta }) => tf.relu(tf.sub(1, margin(scores, beta))) },
  ipo: {
    smooths: false,
    ofPairs({ chosen, rejected, chosenLengths, rejectedLengths }, { beta }) {
      const perToken = tf.sub(tf.div(chosen, chosenLengths), tf.div(rejected, rejectedLengths));
      return tf.square(tf.sub(perToken, 1 / (2 * beta)));
    },
  },
  robust: {
    smooths: true,
    ofPairs: (scores, shape) => tf.div(noisy(scores, shape, -1), 1 - 2 * shape.labelSmoothing),
  },
  cdpo: { smooths: true, ofPairs: (scores, shape) => noisy(scores, shape, 1) },
  apo_zero: {
    smooths: false,
    ofPairs: ({ chosen, rejected }, { beta }) =>
      tf.add(tf.sub(1, tf.sigmoid(tf.mul(chosen, beta))), tf.sigmoid(tf.mul(rejected, beta))),
  },
} satisfies Record<string, PreferenceLoss>;

export type PreferenceLossName = keyof typeof preferenceLosses;
export const preferenceLossNames = Object.keys(preferenceLosses) as PreferenceLossName[];
