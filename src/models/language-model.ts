import * as tf from "@tensorflow/tfjs";
import type { Predictions } from "../engine";
import type { LinearLayers, PackedRows } from "./layers";

/** Tokens and labels as a model's loss takes them, by name; int32 but for the weights. */
export interface LabelledBatch {
  /** [batch, length] */
  readonly inputIds: tf.Tensor2D;
  /**
   * [batch, length]: 1 is a token, 0 padding. A causal model reads several sequences in one row where they are numbered 1, 2, …:
   * none sees another, and each begins at position 0.
   */
  readonly attentionMask: tf.Tensor2D;
  /**
   * −100 marks positions without a label. Of an encoder–decoder [batch, decoder length]: the target's tokens. Of a causal model
   * [batch, length]: the input's own tokens, each predicted from those before it, so that the first of a sequence must have none.
   */
  readonly labels: tf.Tensor2D;
  /**
   * Which of the positions of `labels` have labels, [rows]: only these go through the lm_head. To fill up a fixed number of
   * rows, repeat a position whose label is −100. Without it all positions do.
   */
  readonly labelRows?: tf.Tensor1D;
  /** Of the size of `labels`, float32: how much each counts in the loss. Without it all count 1. */
  readonly labelWeights?: tf.Tensor2D;
  /** Leaves padding out: the `positions` of packed rows, with `positionRows` as their `rows`. A model may do without. */
  readonly tokenPositions?: tf.Tensor1D;
  readonly positionRows?: tf.Tensor1D;
}

/** Label of a position that the loss leaves out. */
export const IGNORED_LABEL = -100;

/** How the labels of a batch are asked for. */
export interface LabelOptions {
  /**
   * What the logits are divided by, as in sampling.
   * @default 1
   */
  readonly temperature?: number;
}

/** How their losses are. */
export interface LabelLossOptions extends LabelOptions {
  /**
   * ε of label smoothing: (1 − ε)(−log p(label)) + ε · mean(−log p).
   * @default 0
   */
  readonly smoothing?: number;
}

/** What a model predicts for each row, from its hidden states [rows, hidden]. */
export interface LabelPredictions extends Predictions {
  readonly states: tf.Tensor2D;
  /** The mean of each row's logits over the vocabulary, [rows], at temperature 1. */
  readonly meanLogits: tf.Tensor1D;
}

/**
 * A model over tensors, as an objective sees it. Rows are those of `labelRows`, or all positions of `labels`; what a row without a
 * label has means nothing. Each call computes the model: an objective that needs several of these asks for `labelPredictions`.
 */
export interface LanguageModel {
  /** Cross-entropy of each row's label in nats, [rows]: −log p(label). */
  labelLosses(batch: LabelledBatch, options?: LabelLossOptions): tf.Tensor1D;
  /** The same with its entropy, whether the label is the likeliest token, and the states that all this is predicted from. */
  labelPredictions(batch: LabelledBatch, options?: LabelOptions): LabelPredictions;
  /** Logits of each row, [rows, vocabulary]. */
  labelLogits(batch: LabelledBatch): tf.Tensor2D;
  /** The last hidden states from which labels are predicted, [rows, hidden]: what another head stands on. */
  labelStates(batch: LabelledBatch): tf.Tensor2D;
}

/** How a model's function computes. */
export interface ModelHooks {
  /** How linear layers are applied; as x Wᵀ unless given. */
  readonly linear?: LinearLayers;
  /**
   * Whether dropout, with the config's rate, is on.
   * @default false
   */
  readonly training?: boolean;
  /**
   * Whether a block keeps its input alone for the gradient and is computed a second time then; for architectures that can
   * (`recomputes`).
   * @default false
   */
  readonly recompute?: boolean;
}

/** The rows of a batch's tokens, where it leaves padding out. */
export function packedRows({
  inputIds,
  tokenPositions,
  positionRows,
}: Pick<LabelledBatch, "inputIds" | "tokenPositions" | "positionRows">): PackedRows | undefined {
  const [batch, length] = inputIds.shape;
  return tokenPositions && positionRows
    ? { batch, length, positions: tokenPositions, rows: positionRows }
    : undefined;
}

/** Values [positions of `labels`] for the rows of a batch, [rows]. */
export function ofLabels(batch: Pick<LabelledBatch, "labelRows">, values: tf.Tensor2D): tf.Tensor1D {
  const flat = tf.reshape(values, [-1]) as tf.Tensor1D;
  return batch.labelRows ? (tf.gather(flat, batch.labelRows) as tf.Tensor1D) : flat;
}

/** Each row's label as an index, [rows] int32; 0 where there is none. */
export function labelIndices(batch: Pick<LabelledBatch, "labels" | "labelRows">): tf.Tensor1D {
  return tf.maximum(ofLabels(batch, batch.labels), tf.scalar(0, "int32")) as tf.Tensor1D;
}

/** How much each row counts, [rows] float32: its weight, or 1, and 0 where it has no label. */
export function labelShares(
  batch: Pick<LabelledBatch, "labels" | "labelRows" | "labelWeights">,
): tf.Tensor1D {
  const there = tf.cast(
    tf.notEqual(ofLabels(batch, batch.labels), tf.scalar(IGNORED_LABEL, "int32")),
    "float32",
  ) as tf.Tensor1D;
  return batch.labelWeights ? (tf.mul(there, ofLabels(batch, batch.labelWeights)) as tf.Tensor1D) : there;
}

/** Sums over a batch: of the weighted cross-entropy (in nats) of every label, and of the labels' weights; both scalars. */
export interface LossSums {
  readonly loss: tf.Scalar;
  readonly labels: tf.Scalar;
}

/** The summed cross-entropy of the labels of a batch, and their number (or weight); see {@link meanLoss}. */
export function lossSums(model: LanguageModel, batch: LabelledBatch, labelSmoothing = 0): LossSums {
  const shares = labelShares(batch);
  const losses = model.labelLosses(batch, { smoothing: labelSmoothing });
  return { loss: tf.sum(tf.mul(losses, shares)), labels: tf.sum(shares) };
}

/** The mean cross-entropy of the labels of a batch, as transformers' models compute their loss. */
export function meanLoss(model: LanguageModel, batch: LabelledBatch, labelSmoothing = 0): tf.Scalar {
  const { loss, labels } = lossSums(model, batch, labelSmoothing);
  return tf.div(loss, labels) as tf.Scalar;
}
