import * as tf from "@tensorflow/tfjs";
import { differentiable } from "./differentiable";

/** The values of x as constants: no gradient goes through them. */
export function detached<T extends tf.Tensor>(x: T): T {
  const operation = differentiable(([value]) => ({
    value: tf.add(value!, tf.zerosLike(value!)),
    save: [],
    gradients: (dy) => [tf.zerosLike(dy)],
  }));
  return operation([x]) as T;
}
