import * as tf from "@tensorflow/tfjs";
import { addRows } from "./add-rows";
import { after } from "./after";
import { differentiable } from "./differentiable";
import { logOfPositive, logSumExp } from "./log-of-positive";

/** Classes whose logits are there at a time. */
const CHUNK = 4096;

/** What a model predicts where labels are, each [rows]. Only the losses have a gradient. */
export interface Predictions {
  /** Cross-entropy of the label in nats, −log p(label). */
  readonly losses: tf.Tensor1D;
  /** Entropy of the prediction in nats, −Σ p log p. */
  readonly entropies: tf.Tensor1D;
  /** 1 where the label is the likeliest class, 0 elsewhere. */
  readonly isTop: tf.Tensor1D;
}

/**
 * Cross-entropy of each row in nats, [rows], of the logits z = x Wᵀ for x [rows, width], W [classes, width] and int32
 * labels [rows] in 0…classes − 1. With smoothing ε the target is 1 − ε on the label plus ε / classes on every class
 * (Szegedy et al., 2016): log Σ exp z − (1 − ε) z[label] − ε mean(z).
 *
 * With P = softmax(z) and T the targets, dx = dy ⊙ (P − T) W and dW = (P − T)ᵀ (dy ⊙ x). T is sparse: T W is rows of W,
 * Tᵀ y adds rows of y to those of the labels. So nothing but the products and the softmax touches all rows × classes.
 *
 * Classes are taken in chunks, whose own softmax Pc and log-sum-exp Lc give L = log Σ exp Lc and P = Pc · exp(Lc − L). Where a
 * gradient will be asked for, Pc W is made before the next chunk begins: then the logits of one chunk are all that is held, and,
 * if W is trained, P.
 */
export function linearCrossEntropy(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  labels: tf.Tensor1D,
  smoothing = 0,
): tf.Tensor1D {
  return overClasses(x, weight, labels, smoothing, false) as tf.Tensor1D;
}

/** {@link linearCrossEntropy} without smoothing, and what else is worth knowing of the predictions. */
export function linearPredictions(x: tf.Tensor2D, weight: tf.Tensor2D, labels: tf.Tensor1D): Predictions {
  return named(overClasses(x, weight, labels, 0, true));
}

/** The losses [rows], or, if more is measured, the columns of {@link measuredColumns}. */
function overClasses(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  labels: tf.Tensor1D,
  smoothing: number,
  isMeasured: boolean,
): tf.Tensor {
  const classes = weight.shape[0];
  const isTrained = (tf.engine() as unknown as { isTapeOn(): boolean }).isTapeOn();
  const operation = differentiable(([x, weight, labels]) => {
    const chunks = chunksOf(x as tf.Tensor2D, weight as tf.Tensor2D, isTrained, isMeasured);
    const logSum = joined(chunks.map(({ logSum }) => logSum));
    const ownRows = tf.gather(weight!, labels as tf.Tensor1D);
    const own = tf.sum(tf.mul(x!, ownRows), -1);
    const mean = () => tf.div(sumOf(chunks.map(({ logits }) => tf.sum(logits, -1))), classes);
    const losses =
      smoothing === 0
        ? tf.sub(logSum, own)
        : tf.sub(logSum, tf.add(tf.mul(own, 1 - smoothing), tf.mul(mean(), smoothing)));
    const value = isMeasured ? measuredColumns(losses, logSum, chunks, labels!) : losses;
    if (!isTrained) return { value, save: [], gradients: () => [] };

    const shares = chunks.map((chunk) => tf.expandDims(shareOf(chunk, logSum), 1));
    const PW = sumOf(chunks.map((chunk, c) => tf.mul(chunk.PW!, shares[c]!)));
    const TW =
      smoothing === 0
        ? ownRows
        : tf.add(tf.mul(ownRows, 1 - smoothing), tf.mul(tf.mean(weight!, 0), smoothing));
    return {
      value,
      save: [x!, labels!, tf.sub(PW, TW), ...shares, ...chunks.map(({ P }) => P)],
      gradients: (dy, [x, labels, slope, ...saved]) => {
        const rows = lossGradient(dy);
        const dyx = tf.mul(rows, x!);
        const [shares, parts] = [saved.slice(0, chunks.length), saved.slice(chunks.length)];
        const products = parts.map((P, c) => tf.matMul(P, tf.mul(dyx, shares[c]!), true));
        const Pdyx = products.length === 1 ? products[0]! : tf.concat(products, 0);
        const spread = smoothing === 0 ? Pdyx : tf.sub(Pdyx, tf.mul(tf.sum(dyx, 0), smoothing / classes));
        const dWeight = addRows(spread as tf.Tensor2D, labels as tf.Tensor1D, tf.mul(dyx, smoothing - 1));
        return [tf.mul(rows, slope!), dWeight, tf.zerosLike(labels!)];
      },
    };
  });
  return operation([x, weight, labels]);
}

/** Some of the classes: their logits and softmax [rows, chunk], and of each row's logits, [rows], what joins it with others. */
interface Chunk {
  readonly logits: tf.Tensor;
  readonly P: tf.Tensor;
  readonly logSum: tf.Tensor;
  /** P W, if a gradient will be asked for. */
  readonly PW: tf.Tensor | undefined;
  readonly measures: ChunkMeasures | undefined;
}

/** Of each row's logits in a chunk, [rows]: their mean under its softmax, the largest, and the class that has it. */
interface ChunkMeasures {
  readonly mean: tf.Tensor;
  readonly largest: tf.Tensor;
  readonly top: tf.Tensor;
}

/** One chunk after the other; `withPW` makes each wait for P W of the one before. */
function chunksOf(x: tf.Tensor2D, weight: tf.Tensor2D, withPW: boolean, isMeasured: boolean): Chunk[] {
  const [classes, width] = weight.shape;
  const chunks: Chunk[] = [];
  for (let from = 0; from < classes; from += CHUNK) {
    const size = Math.min(CHUNK, classes - from);
    const W = size === classes ? weight : tf.slice(weight, [from, 0], [size, width]);
    const before = chunks.at(-1)?.PW;
    const chunk = chunkOf(tf.matMul(before ? after(x, before) : x, W, false, true), from, isMeasured);
    chunks.push({ ...chunk, PW: withPW ? tf.matMul(chunk.P, W) : undefined });
  }
  return chunks;
}

/** @param from the class of the first logit */
function chunkOf(logits: tf.Tensor, from: number, isMeasured: boolean): Omit<Chunk, "PW"> {
  const P = tf.softmax(logits);
  const largest = tf.max(logits, -1);
  const logSum = tf.sub(largest, logOfPositive(tf.max(P, -1)));
  const measures = isMeasured
    ? {
        mean: tf.sum(tf.mul(P, logits), -1),
        largest,
        top: tf.add(tf.argMax(logits, -1), tf.scalar(from, "int32")),
      }
    : undefined;
  return { logits, P, logSum, measures };
}

const sumOf = (parts: tf.Tensor[]) => (parts.length === 1 ? parts[0]! : tf.addN(parts));

/** log Σ exp of vectors, element by element. */
const joined = (parts: tf.Tensor[]) => (parts.length === 1 ? parts[0]! : logSumExp(tf.stack(parts, 0)));

/** The probability of a chunk's classes together, [rows]. */
const shareOf = (chunk: Pick<Chunk, "logSum">, logSum: tf.Tensor) => tf.exp(tf.sub(chunk.logSum, logSum));

/**
 * Loss, entropy, and whether the label is on top, as columns [rows, 3]: one value of one operation. The entropy is
 * log Σ exp z − Σ p z.
 */
function measuredColumns(
  losses: tf.Tensor,
  logSum: tf.Tensor,
  chunks: readonly Pick<Chunk, "logSum" | "measures">[],
  labels: tf.Tensor,
): tf.Tensor2D {
  const measures = chunks.map((chunk) => chunk.measures!);
  const mean = sumOf(chunks.map((chunk, c) => tf.mul(shareOf(chunk, logSum), measures[c]!.mean)));
  const largest = measures.map(({ largest }) => largest).reduce((a, b) => tf.maximum(a, b));
  const isTop = sumOf(
    measures.map((own) =>
      tf.cast(tf.logicalAnd(tf.equal(own.top, labels), tf.equal(own.largest, largest)), "float32"),
    ),
  );
  return tf.stack([losses, tf.sub(logSum, mean), isTop], 1) as tf.Tensor2D;
}

/** The columns by name. */
function named(columns: tf.Tensor): Predictions {
  const [losses, entropies, isTop] = tf.unstack(columns, 1) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  return { losses, entropies, isTop };
}

/** The gradient of the losses, [rows, 1], from that of an operation's value. */
const lossGradient = (dy: tf.Tensor) =>
  dy.rank === 1 ? tf.expandDims(dy, 1) : tf.slice(dy, [0, 0], [dy.shape[0]!, 1]);

/** The cross-entropy of given logits [rows, classes]; its gradient for them is dy ⊙ (P − T). */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  return ofLogits(logits, labels, smoothing, false) as tf.Tensor1D;
}

/** {@link crossEntropy} without smoothing, and what else is worth knowing of the predictions. */
export function predictions(logits: tf.Tensor2D, labels: tf.Tensor1D): Predictions {
  return named(ofLogits(logits, labels, 0, true));
}

function ofLogits(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
  smoothing: number,
  isMeasured: boolean,
): tf.Tensor {
  const [, classes] = logits.shape;
  const operation = differentiable(([logits, labels]) => {
    const chunk = chunkOf(logits!, 0, isMeasured);
    const T = tf.oneHot(
      labels as tf.Tensor1D,
      classes,
      1 - smoothing + smoothing / classes,
      smoothing / classes,
      "float32",
    );
    const losses = tf.sub(chunk.logSum, tf.sum(tf.mul(logits!, T), -1));
    return {
      value: isMeasured ? measuredColumns(losses, chunk.logSum, [chunk], labels!) : losses,
      save: [chunk.P, T, labels!],
      gradients: (dy, [P, T, labels]) => [tf.mul(lossGradient(dy), tf.sub(P!, T!)), tf.zerosLike(labels!)],
    };
  });
  return operation([logits, labels]);
}
