import * as tf from "@tensorflow/tfjs";
import { predictions } from "../../engine";
import {
  hasScores,
  IGNORED_LABEL,
  type LanguageModel,
  type ScorerKind,
  type ScorerModel,
} from "../../models";
import type { Measured } from "../objective";

/** A model with a head of a kind. */
export function needHead(model: LanguageModel, kind: ScorerKind): ScorerModel {
  if (hasScores(model) && model.head.kind === kind) return model;
  const found = hasScores(model) ? `its head is a ${model.head.kind} head` : "it has no head for whole texts";
  throw new Error(
    `this objective needs a model with a ${kind} head, and ${found}: make one with scorerModel(model, { kind: "${kind}", labels })`,
  );
}

/** The cross-entropy of labels [rows], of which those of −100 are left out, and how often the likeliest one is right. */
export function labelMeasures(logits: tf.Tensor2D, labels: tf.Tensor1D): Measured {
  const counts = tf.cast(tf.notEqual(labels, tf.scalar(IGNORED_LABEL, "int32")), "float32");
  const wanted = tf.maximum(labels, tf.scalar(0, "int32")) as tf.Tensor1D;
  const count = tf.sum(counts) as tf.Scalar;
  const mean = (values: tf.Tensor) => ({ sum: tf.sum(tf.mul(values, counts)) as tf.Scalar, count });
  const { losses, isTop } = predictions(logits, wanted);
  return { loss: mean(losses), metrics: { accuracy: mean(isTop) } };
}
