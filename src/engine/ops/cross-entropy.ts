import * as tf from "@tensorflow/tfjs";
import { addRows } from "./add-rows";
import { after } from "./after";
import { differentiable } from "./differentiable";

/** Classes whose logits are there at a time. */
const CHUNK = 4096;

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
  const classes = weight.shape[0];
  const isTrained = (tf.engine() as unknown as { isTapeOn(): boolean }).isTapeOn();
  const operation = differentiable(([x, weight, labels]) => {
    const chunks = chunksOf(x as tf.Tensor2D, weight as tf.Tensor2D, isTrained);
    const logSum = logSumExp(chunks.map(({ logSum }) => logSum));
    const ownRows = tf.gather(weight!, labels as tf.Tensor1D);
    const own = tf.sum(tf.mul(x!, ownRows), -1);
    const mean = () => tf.div(sumOf(chunks.map(({ logits }) => tf.sum(logits, -1))), classes);
    const value =
      smoothing === 0
        ? tf.sub(logSum, own)
        : tf.sub(logSum, tf.add(tf.mul(own, 1 - smoothing), tf.mul(mean(), smoothing)));
    if (!isTrained) return { value, save: [], gradients: () => [] };

    const shares = chunks.map((chunk) => tf.expandDims(tf.exp(tf.sub(chunk.logSum, logSum)), 1));
    const PW = sumOf(chunks.map((chunk, c) => tf.mul(chunk.PW!, shares[c]!)));
    const TW =
      smoothing === 0
        ? ownRows
        : tf.add(tf.mul(ownRows, 1 - smoothing), tf.mul(tf.mean(weight!, 0), smoothing));
    return {
      value,
      save: [x!, labels!, tf.sub(PW, TW), ...shares, ...chunks.map(({ P }) => P)],
      gradients: (dy, [x, labels, slope, ...saved]) => {
        const rows = tf.expandDims(dy, 1);
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
  return operation([x, weight, labels]) as tf.Tensor1D;
}

/** Some of the classes: their logits and softmax [rows, chunk], the log-sum-exp of each row's logits, and P W if asked for. */
interface Chunk {
  readonly logits: tf.Tensor;
  readonly P: tf.Tensor;
  readonly logSum: tf.Tensor;
  readonly PW: tf.Tensor | undefined;
}

/** One chunk after the other; `withPW` makes each wait for P W of the one before. */
function chunksOf(x: tf.Tensor2D, weight: tf.Tensor2D, withPW: boolean): Chunk[] {
  const [classes, width] = weight.shape;
  const chunks: Chunk[] = [];
  for (let from = 0; from < classes; from += CHUNK) {
    const size = Math.min(CHUNK, classes - from);
    const W = size === classes ? weight : tf.slice(weight, [from, 0], [size, width]);
    const before = chunks.at(-1)?.PW;
    const logits = tf.matMul(before ? after(x, before) : x, W, false, true);
    const P = tf.softmax(logits);
    const logSum = tf.sub(tf.max(logits, -1), tf.log(tf.max(P, -1)));
    chunks.push({ logits, P, logSum, PW: withPW ? tf.matMul(P, W) : undefined });
  }
  return chunks;
}

const sumOf = (parts: tf.Tensor[]) => (parts.length === 1 ? parts[0]! : tf.addN(parts));

/** log Σ exp of vectors, element by element. */
function logSumExp(parts: tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : tf.logSumExp(tf.stack(parts, 0), 0);
}

/** The same of given logits [rows, classes]; its gradient for them is dy ⊙ (P − T). */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): tf.Tensor1D {
  const [, classes] = logits.shape;
  const operation = differentiable(([logits, labels]) => {
    const P = tf.softmax(logits!);
    const T = tf.oneHot(
      labels as tf.Tensor1D,
      classes,
      1 - smoothing + smoothing / classes,
      smoothing / classes,
      "float32",
    );
    const logSum = tf.sub(tf.max(logits!, -1), tf.log(tf.max(P, -1)));
    return {
      value: tf.sub(logSum, tf.sum(tf.mul(logits!, T), -1)),
      save: [P, T, labels!],
      gradients: (dy, [P, T, labels]) => [
        tf.mul(tf.expandDims(dy, 1), tf.sub(P!, T!)),
        tf.zerosLike(labels!),
      ],
    };
  });
  return operation([logits, labels]) as tf.Tensor1D;
}
