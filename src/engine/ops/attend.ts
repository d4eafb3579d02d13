import * as tf from "@tensorflow/tfjs";
import { differentiable } from "./differentiable";
import { dropoutMask } from "./dropout";

/**
 * Attention without the 1/√d scale: O = (M ⊙ P) V with P = softmax(Q Kᵀ + bias) and a dropout mask M. Q is
 * [batch, heads, queries, d]; K and V are [batch, heads, keys, d]; bias is [batch or 1, heads or 1, queries or 1, keys].
 *
 * The gradients are dV = (M ⊙ P)ᵀ dO; dS = P ⊙ (M ⊙ (dO Vᵀ) − δ), where δ, the sum of dP ⊙ P over a row's keys, equals
 * the sum of dO ⊙ O over its d (Dao et al., 2022); dQ = dS K; dK = dSᵀ Q; dbias = dS, summed where bias was broadcast.
 */
export function attend(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  bias: tf.Tensor,
  dropoutRate = 0,
): tf.Tensor4D {
  const mask = dropoutRate > 0 ? [dropoutMask([...query.shape.slice(0, 3), key.shape[2]], dropoutRate)] : [];
  const operation = differentiable(([query, key, value, bias, mask]) => {
    const weights = tf.softmax(tf.add(tf.matMul(query!, key!, false, true), bias!));
    const output = tf.matMul(mask ? tf.mul(weights, mask) : weights, value!);
    return {
      value: output,
      save: [query!, key!, value!, bias!, weights, output, ...(mask ? [mask] : [])],
      gradients: (dOutput, [query, key, value, bias, weights, output, mask]) => {
        const dValue = tf.matMul(mask ? tf.mul(weights!, mask) : weights!, dOutput, true, false);
        const dKept = tf.matMul(dOutput, value!, false, true);
        const dWeights = mask ? tf.mul(dKept, mask) : dKept;
        const delta = tf.sum(tf.mul(dOutput, output!), -1, true);
        const dScores = tf.mul(weights!, tf.sub(dWeights, delta));
        const dBias = sumTo(dScores, bias!.shape);
        const dQuery = tf.matMul(dScores, key!);
        const dKey = tf.matMul(dScores, query!, true, false);
        return [dQuery, dKey, dValue, dBias, ...(mask ? [tf.zerosLike(mask)] : [])];
      },
    };
  });
  return operation([query, key, value, bias, ...mask]) as tf.Tensor4D;
}

/** Sums over the dimensions along which a tensor of `shape` was broadcast to x; both have the same rank. */
function sumTo(x: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length === 0 ? x : tf.sum(x, axes, true);
}
