import * as tf from "@tensorflow/tfjs";
import { differentiable } from "./differentiable";

/**
 * Rows of x [rows, width] in another order, y[i] = x[index[i]], where `inverse` says the place in y of each row of x: then the
 * gradient is a gather as well, dx[j] = dy[inverse[j]], instead of a sum over scattered rows. That needs every row of x to be
 * in y once. Rows that are missing or repeated must get the gradient zero: of a missing one `inverse` names a row of y whose
 * gradient is zero; a repeated one has it in all its places.
 */
export function gatherRows(x: tf.Tensor2D, index: tf.Tensor1D, inverse: tf.Tensor1D): tf.Tensor2D {
  const operation = differentiable(([x, index, inverse]) => ({
    value: tf.gather(x!, index as tf.Tensor1D),
    save: [index!, inverse!],
    gradients: (dy, [index, inverse]) => [
      tf.gather(dy, inverse as tf.Tensor1D),
      tf.zerosLike(index!),
      tf.zerosLike(inverse!),
    ],
  }));
  return operation([x, index, inverse]) as tf.Tensor2D;
}
