import * as tf from "@tensorflow/tfjs";
import { detached } from "../../engine";
import { type LabelledBatch, labelShares } from "../../models";
import { taskNotLearned } from "../alarms/task-not-learned";
import type { Mean, Objective } from "../objective";
import { sequenceSums } from "../sequence-sums";

/** What supervised fine-tuning lowers; see {@link supervisedObjective}. */
export const supervisedLosses = ["nll", "dft"] as const;
export type SupervisedLoss = (typeof supervisedLosses)[number];

/**
 * Supervised fine-tuning: the cross-entropy of a batch's labels, in nats a label, with `entropy` and `mean_token_accuracy` (the
 * share of labels that were the likeliest token) beside it, as TRL logs them:
 *
 *     nll: L = Σ −log p(label) / number of labels
 *     dft: L = Σ −p(label) log p(label) / number of labels, where the first p is a constant
 *
 * `dft` (Wu et al., 2025, arXiv 2508.05629) learns less from what the model finds unlikely.
 *
 * Of a mixture of tasks, `loss/TASK` is the mean over that task's labels, and `share/TASK` their share of all labels: what is
 * lowered is Σ share · loss over tasks.
 *
 * @param tasks names of the tasks that examples count by ({@link Example.task})
 */
export function supervisedObjective(loss: SupervisedLoss = "nll", tasks: readonly string[] = []): Objective {
  return {
    measure(model, batch) {
      const labelled = batch as unknown as LabelledBatch;
      const { losses, entropies, isTop } = model.labelPredictions(labelled);
      const shares = labelShares(labelled);
      const count: tf.Scalar = tf.sum(shares);
      const mean = (values: tf.Tensor1D): Mean => ({ sum: tf.sum(tf.mul(values, shares)), count });
      const lowered: tf.Tensor1D = loss === "dft" ? tf.mul(detached(tf.exp(tf.neg(losses))), losses) : losses;
      return {
        loss: mean(lowered),
        metrics: {
          entropy: mean(entropies),
          mean_token_accuracy: mean(isTop),
          ...(tasks.length > 0 && byTask(labelled, batch["tasks"]!, { lowered, shares, count })),
        },
      };
    },
    fingerprint: { objective: "supervised", loss, ...(tasks.length > 0 && { tasks }) },
    ...(tasks.length > 0 && { alarms: [taskNotLearned(tasks)] }),
  };

  function byTask(
    labelled: LabelledBatch,
    taskOfRow: tf.Tensor,
    { lowered, shares, count }: { lowered: tf.Tensor1D; shares: tf.Tensor1D; count: tf.Scalar },
  ): Record<string, Mean> {
    const [losses, labels] = [
      sequenceSums(labelled, tf.mul(lowered, shares)),
      sequenceSums(labelled, shares),
    ];
    return Object.fromEntries(
      tasks.flatMap((name, task): [string, Mean][] => {
        const isOfTask = tf.cast(tf.equal(taskOfRow, tf.scalar(task, "int32")), "float32");
        const ofTask: tf.Scalar = tf.sum(tf.mul(labels, isOfTask));
        return [
          [`loss/${name}`, { sum: tf.sum(tf.mul(losses, isOfTask)), count: ofTask }],
          [`share/${name}`, { sum: ofTask, count }],
        ];
      }),
    );
  }
}
