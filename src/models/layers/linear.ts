import * as tf from "@tensorflow/tfjs";

/** Tensors by parameter name, now or when a recorded program runs. */
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** How a model applies its linear layers, which are named as their weights are, without `.weight`. */
export interface LinearLayers {
  /** x [rows, in] through the layer `name`, [rows, out]. */
  apply(x: tf.Tensor2D, name: string): tf.Tensor2D;
  /** W [out, in] of a layer that is x Wᵀ and no more, so that a caller may join it with what follows. */
  denseWeight(name: string): tf.Tensor2D | undefined;
  /** The rows of W [out, width] that int32 ids [n] name, [n, width], of a layer that is an embedding too. */
  rows(ids: tf.Tensor1D, name: string, width: number): tf.Tensor2D;
}

/**
 * A way in which some layers are applied: rounded weights, an adapter. It handles the layers that it has and hands the others
 * on to `next`.
 */
export type LinearLink = (next: LinearLayers) => LinearLayers;

/** y = x Wᵀ, W [out, in], for the weights among `parameters`. */
export function dense(parameters: NamedTensors): LinearLayers {
  const denseWeight = (name: string) => parameter(parameters, `${name}.weight`) as tf.Tensor2D;
  return {
    apply: (x, name) => tf.matMul(x, denseWeight(name), false, true),
    denseWeight,
    rows: (ids, name) => tf.gather(denseWeight(name), ids),
  };
}

/** Linear layers over `parameters`, dense but where a link has another way; the last link is asked first. */
export function linearChain(parameters: NamedTensors, ...links: readonly LinearLink[]): LinearLayers {
  return links.reduce((next, link) => link(next), dense(parameters));
}

/**
 * A link for the layers for which `product` gives a function of x.
 *
 * @param product `undefined` for a layer that shall be handed on
 * @param rows gives the rows of a layer's weight for ids, likewise; without it those of the weight below
 */
export function linearLink(
  product: (name: string, next: LinearLayers) => ((x: tf.Tensor2D) => tf.Tensor2D) | undefined,
  rows: (name: string) => ((ids: tf.Tensor1D, width: number) => tf.Tensor2D) | undefined = () => undefined,
): LinearLink {
  return (next) => ({
    apply: (x, name) => product(name, next)?.(x) ?? next.apply(x, name),
    denseWeight: (name) => (product(name, next) ? undefined : next.denseWeight(name)),
    rows: (ids, name, width) => rows(name)?.(ids, width) ?? next.rows(ids, name, width),
  });
}

/** The tensor of a parameter that must be there. */
export function parameter(parameters: NamedTensors, name: string): tf.Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new Error(`the parameter ${name} is missing`);
  return tensor;
}
