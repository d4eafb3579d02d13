import * as tf from "@tensorflow/tfjs";

/**
 * Sets a share `rate` of x to zero and divides the rest by what remains (Srivastava et al., 2014). The draw comes from
 * the noise of the run: the same seed and step draw the same masks on every engine. `rate` is taken to a multiple of
 * 1/256. Without a rate, x itself.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number): T {
  if (rate === 0) return x;
  throw new Error("dropout: not there yet");
}
