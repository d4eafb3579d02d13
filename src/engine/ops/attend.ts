import * as tf from "@tensorflow/tfjs";
import { differentiable } from "./differentiable";
import { dropoutMask } from "./dropout";

/**
 * Attention without the 1/√d scale: O = (M ⊙ P) V with P = softmax(Q Kᵀ + bias) and a dropout mask M. Q is
 * [batch, heads, queries, d]; K and V are [batch, key heads, keys, d]; bias is [batch or 1, heads or 1, queries or 1, keys].
 * With fewer key heads than heads (grouped queries: Ainslie et al., 2023), each serves the heads / key heads that follow one
 * another, whose queries are then those of one larger head.
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
    const scores = ofHeads(tf.matMul(grouped(query!, key!), key!, false, true), query!);
    const weights = tf.softmax(tf.add(scores, bias!));
    const output = ofHeads(tf.matMul(grouped(mask ? tf.mul(weights, mask) : weights, key!), value!), query!);
    return {
      value: output,
      save: [query!, key!, value!, bias!, weights, output, ...(mask ? [mask] : [])],
      gradients: (dOutput, [query, key, value, bias, weights, output, mask]) => {
        const kept = grouped(mask ? tf.mul(weights!, mask) : weights!, key!);
        const dValue = tf.matMul(kept, grouped(dOutput, key!), true, false);
        const dKept = ofHeads(tf.matMul(grouped(dOutput, key!), value!, false, true), query!);
        const dWeights = mask ? tf.mul(dKept, mask) : dKept;
        const delta = tf.sum(tf.mul(dOutput, output!), -1, true);
        const dScores = tf.mul(weights!, tf.sub(dWeights, delta));
        const dBias = sumTo(dScores, bias!.shape);
        const dGrouped = grouped(dScores, key!);
        const dQuery = ofHeads(tf.matMul(dGrouped, key!), query!);
        const dKey = tf.matMul(dGrouped, grouped(query!, key!), true, false);
        return [dQuery, dKey, dValue, dBias, ...(mask ? [tf.zerosLike(mask)] : [])];
      },
    };
  });
  return operation([query, key, value, bias, ...mask]) as tf.Tensor4D;
}

/** x [batch, heads, rows, width] as the heads of `key`: [batch, key heads, heads / key heads · rows, width]. */
export function grouped(x: tf.Tensor, key: tf.Tensor): tf.Tensor {
  const [batch, heads, rows, width] = x.shape as [number, number, number, number];
  const keyHeads = key.shape[1]!;
  return heads === keyHeads ? x : tf.reshape(x, [batch, keyHeads, (heads / keyHeads) * rows, width]);
}

/** What {@link grouped} made, or a product of it, as heads like those of `query` again. */
export function ofHeads(x: tf.Tensor, query: tf.Tensor): tf.Tensor {
  const [batch, heads, rows] = query.shape as [number, number, number];
  return x.shape[1] === heads ? x : tf.reshape(x, [batch, heads, rows, x.shape[3]!]);
}

/** Sums over the dimensions along which a tensor of `shape` was broadcast to x; both have the same rank. */
function sumTo(x: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length === 0 ? x : tf.sum(x, axes, true);
}
