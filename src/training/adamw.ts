import * as tf from "@tensorflow/tfjs";

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay λ. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; 0 leaves them as they are. */
  readonly maxGradNorm: number;
  /** Which parameters are decayed. */
  readonly decays: (parameter: string) => boolean;
}

/** The defaults of Hugging Face's `TrainingArguments`, with the proposal's weight decay. */
export const DEFAULT_ADAMW: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  decays: isDecayed,
};

/** Tensors by parameter name. */
export type NamedTensors = Record<string, tf.Tensor>;

/** What AdamW keeps of every parameter: running means of the gradient (m) and of its square (v). */
export type Moments = {
  readonly first: NamedTensors;
  readonly second: NamedTensors;
};

/** What changes from step to step; scalars, so that one recorded program serves all steps. */
export interface AdamWStep {
  readonly learningRate: tf.Tensor;
  /** The gradients are multiplied by this first: it holds the clipping, and what turns a sum into a mean. */
  readonly gradientScale: tf.Tensor;
  /** 1 − β₁ᵗ for step t (the first is 1). */
  readonly correction1: tf.Tensor;
  /** 1 − β₂ᵗ. */
  readonly correction2: tf.Tensor;
}

/** Layer norms and biases are not decayed, as in Hugging Face's trainer. */
export function isDecayed(parameter: string): boolean {
  return !/layer_norm\.weight$|\.bias$/.test(parameter);
}

/** The norm of all gradients taken as one vector, a scalar. */
export function globalNorm(gradients: NamedTensors): tf.Tensor {
  return tf.sqrt(tf.addN(Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)))));
}

/** The factor that brings a gradient of this norm down to `maxGradNorm`; 0 stands for no limit. As PyTorch's. */
export function clipFactor(norm: number, maxGradNorm: number): number {
  return maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
}

/**
 * One step of AdamW (Loshchilov and Hutter, 2019), as PyTorch computes it, for gradients g already scaled:
 *
 *     m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
 *     p ← p − η λ p                  p ← p − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
 *
 * Every result depends element by element on what it replaces and is its last reader, so a recorded program may write
 * it over that (`into` the same memory).
 */
export function adamW(
  parameters: NamedTensors,
  gradients: NamedTensors,
  moments: Moments,
  step: AdamWStep,
  options: Omit<AdamWOptions, "maxGradNorm">,
): { parameters: NamedTensors; moments: Moments } {
  const { beta1, beta2, epsilon, weightDecay, decays } = options;
  const rate = tf.div(step.learningRate, step.correction1);
  const kept = tf.sub(1, tf.mul(step.learningRate, weightDecay));
  const rootCorrection2 = tf.sqrt(step.correction2);

  const result = {
    parameters: {} as NamedTensors,
    moments: { first: {} as NamedTensors, second: {} as NamedTensors },
  };
  for (const name of Object.keys(parameters)) {
    const gradient = tf.mul(gradients[name]!, step.gradientScale);
    const first = tf.add(tf.mul(moments.first[name]!, beta1), tf.mul(gradient, 1 - beta1));
    const second = tf.add(tf.mul(moments.second[name]!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const update = tf.div(tf.mul(first, rate), tf.add(tf.div(tf.sqrt(second), rootCorrection2), epsilon));
    const decayed = decays(name) ? tf.mul(parameters[name]!, kept) : parameters[name]!;
    result.parameters[name] = tf.sub(decayed, update);
    result.moments.first[name] = first;
    result.moments.second[name] = second;
  }
  return result;
}
