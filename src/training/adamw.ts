import type { ParameterMap } from "./policy";

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

/** What AdamW keeps of every parameter: running means of the gradient (m) and of its square (v). */
export interface Moments {
  readonly first: ParameterMap;
  readonly second: ParameterMap;
}

/** What changes from step to step. */
export interface AdamWStep {
  /** t, from 1. */
  readonly step: number;
  /** η */
  readonly learningRate: number;
  /** The gradients are multiplied by this first: it holds the clipping, and what turns a sum into a mean. */
  readonly gradientScale: number;
}

/** Norms and biases are not decayed, as in Hugging Face's trainer. */
export function isDecayed(parameter: string): boolean {
  return !/(layernorm|(^|[._])norm)\.weight$|\.bias$/.test(parameter);
}

/** The norm of all gradients taken as one vector. */
export function globalNorm(gradients: ParameterMap): number {
  let sum = 0;
  for (const { data } of gradients.values()) for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
  return Math.sqrt(sum);
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
 * Parameters and moments change where they lie, in one pass over them: as a recorded program it takes thirteen, and the time of
 * this step is that of reading and writing.
 */
export function adamW(
  parameters: ParameterMap,
  gradients: ParameterMap,
  moments: Moments,
  step: AdamWStep,
  options: Omit<AdamWOptions, "maxGradNorm">,
): void {
  const { beta1, beta2, epsilon, weightDecay, decays } = options;
  const { learningRate, gradientScale } = step;
  const factors = {
    beta1,
    beta2,
    epsilon,
    gradientScale,
    rate: learningRate / (1 - beta1 ** step.step),
    root: 1 / Math.sqrt(1 - beta2 ** step.step),
  };
  for (const [name, { data }] of parameters) {
    const of = (map: ParameterMap) => map.get(name)!.data;
    const kept = decays(name) ? 1 - learningRate * weightDecay : 1;
    updateOne(data, of(gradients), of(moments.first), of(moments.second), { ...factors, kept });
  }
}

type Factor = "beta1" | "beta2" | "epsilon" | "gradientScale" | "rate" | "root" | "kept";

function updateOne(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  { beta1, beta2, epsilon, gradientScale, rate, root, kept }: Readonly<Record<Factor, number>>,
): void {
  for (let i = 0; i < p.length; i++) {
    const gradient = g[i]! * gradientScale;
    const first = beta1 * m[i]! + (1 - beta1) * gradient;
    const second = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
    m[i] = first;
    v[i] = second;
    p[i] = kept * p[i]! - (rate * first) / (Math.sqrt(second) * root + epsilon);
  }
}
