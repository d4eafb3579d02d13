import * as tf from "@tensorflow/tfjs";

/** An operation's value, what its gradients need, and the gradient of every input for the gradient dy of the value. */
interface Differentiable {
  value: tf.Tensor;
  save: tf.Tensor[];
  gradients: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[];
}

/**
 * An operation that brings its own gradients: `tf.customGrad` over a list of tensors. The gradient of an input that has
 * none (labels, say) is `tf.zerosLike` it.
 */
export function differentiable(
  forward: (inputs: tf.Tensor[]) => Differentiable,
): (inputs: tf.Tensor[]) => tf.Tensor {
  return (inputs) => {
    const operation = tf.customGrad((...args: unknown[]) => {
      const save = args.pop() as tf.GradSaveFunc;
      const { value, save: saved, gradients } = forward(args as tf.Tensor[]);
      save(saved);
      return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy, saved) };
    });
    return operation(...inputs);
  };
}
