import * as tf from "@tensorflow/tfjs";
import { IGNORED_LABEL, type TextBatch } from "../../models";
import type { Objective } from "../objective";
import { needHead } from "./labels-of-texts";

/**
 * A reward model: how good an answer is, learned from which of two is preferred (Bradley and Terry, 1952):
 *
 *     p(chosen is better) = σ(r_w − r_l)
 *     L = mean over pairs of −log σ(r_w − r_l)
 *
 * Rows 2k and 2k + 1 of a batch are the chosen and the rejected answer, each behind its prompt. Metrics have TRL's names: `accuracy`
 * (how often r_w > r_l), `margin` r_w − r_l, `mean_reward` over both. Rewards are known up to a constant alone.
 */
export function rewardModelObjective(): Objective {
  return {
    measure(model, batch) {
      const rewards = needHead(model, "reward").scores(batch as unknown as TextBatch);
      const labels = batch["labels"] as tf.Tensor1D;
      const pairs = tf.reshape(rewards, [labels.size, 2]) as tf.Tensor2D;
      const [chosen, rejected] = tf.split(pairs, 2, 1).map((column) => tf.reshape(column, [-1]));
      const margins = tf.sub(chosen!, rejected!);
      // A pair that fills up a batch has no label.
      const counts = tf.cast(tf.notEqual(labels, tf.scalar(IGNORED_LABEL, "int32")), "float32");
      const count = tf.sum(counts) as tf.Scalar;
      const mean = (values: tf.Tensor) => ({ sum: tf.sum(tf.mul(values, counts)) as tf.Scalar, count });
      return {
        loss: mean(tf.softplus(tf.neg(margins))),
        metrics: {
          accuracy: mean(tf.cast(tf.greater(margins, 0), "float32")),
          margin: mean(margins),
          mean_reward: mean(tf.mul(tf.add(chosen!, rejected!), tf.scalar(0.5))),
        },
      };
    },
    fingerprint: { objective: "reward model" },
  };
}
