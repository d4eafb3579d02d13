import * as tf from "@tensorflow/tfjs";
import { after } from "./after";
import { differentiable } from "./differentiable";
import { keepMasks, type KeptMasks, repeatMasks } from "./dropout";

/**
 * y = fn(inputs), of which only the inputs are kept for the gradient: it runs fn once more when dy is there, and differentiates
 * that (Chen et al., 2016, sublinear memory). Takes the time of one more forward pass and saves what fn would keep. Dropout in fn
 * draws the same masks both times.
 *
 * @param inputs what fn is given; everything that it computes should depend on the first, so that it is computed anew
 * @param parameters tensors that fn reads by itself and that have gradients; like all that it reads by itself they must
 *   outlive the gradient
 */
export function recompute<T extends tf.Tensor>(
  fn: (...inputs: tf.Tensor[]) => T,
  inputs: readonly tf.Tensor[],
  parameters: readonly tf.Tensor[],
): T {
  const masks: KeptMasks = [];
  const operation = differentiable((all) => {
    const given = all.slice(0, inputs.length);
    return {
      value: keepMasks(masks, () => fn(...given)),
      save: given,
      gradients: (dy, [first, ...others]) => {
        const again = [after(first!, dy), ...others];
        return gradientsOf(() => repeatMasks(masks, dy, () => fn(...again)), [...again, ...parameters], dy);
      },
    };
  });
  return operation([...inputs, ...parameters]) as T;
}

interface EngineState {
  state: { activeTape?: unknown };
}

/** The gradients of what `fn` returns, 0 for what it does not depend on, within the gradient of an operation. */
function gradientsOf(fn: () => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const engine = tf.engine();
  // TensorFlow.js holds one tape at a time and drops it when a gradient is done: the outer one's is put back.
  const { state } = engine as unknown as EngineState;
  const outer = state.activeTape;
  try {
    const { grads } = engine.gradients(fn, xs, dy, true);
    return grads.map((grad: tf.Tensor | null | undefined, i) => grad ?? tf.zerosLike(xs[i]!));
  } finally {
    state.activeTape = outer;
  }
}
