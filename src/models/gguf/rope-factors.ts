/** Llama 3's scaling of rotary embeddings, as config.json has it. */
export interface Llama3Scaling {
  readonly rope_type: "llama3";
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

const LOW = 1;
const HIGH = 4;
const USUAL_CONTEXT = 8192;

/** Factors in a file are float32, of wavelengths that were computed in float32. */
const TOLERANCE = 1e-4;

/**
 * By what the frequency of each rotary pair is divided. With the wavelength λ = 2π θ^(2i/d) and s = (context/λ − low) /
 * (high − low): 1 where s ≥ 1, the factor where s ≤ 0, and 1 / ((1 − s) / factor + s) between.
 */
export function ropeFactors(scaling: Llama3Scaling, theta: number, headDim: number): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const turns = scaling.original_max_position_embeddings / (2 * Math.PI * theta ** ((2 * i) / headDim));
    const share = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return 1 / ((1 - share) / factor + share);
  });
}

/**
 * The scaling that gives these factors, which is all that a GGUF file says of it: undefined if all are 1. Only the context
 * divided by the low and by the high factor matters; the latter are taken as 1 and 4, as every Llama 3 has them.
 *
 * @throws {Error} if no such scaling gives the factors
 */
export function scalingOfFactors(
  factors: Float32Array,
  theta: number,
  headDim: number,
): Llama3Scaling | undefined {
  if (factors.length !== headDim / 2)
    throw new Error(`has ${factors.length} factors, where ${headDim / 2} are needed for heads of ${headDim}`);
  if (factors.every((factor) => factor === 1)) return undefined;
  const factor = Number(Math.max(...factors).toPrecision(6));
  const contexts = [USUAL_CONTEXT];
  factors.forEach((value, i) => {
    if (!(value > 1 + TOLERANCE && value < factor - TOLERANCE)) return;
    const share = (1 / value - 1 / factor) / (1 - 1 / factor);
    contexts.push(Math.round(2 * Math.PI * theta ** ((2 * i) / headDim) * (LOW + share * (HIGH - LOW))));
  });
  for (const context of contexts) {
    const scaling: Llama3Scaling = {
      rope_type: "llama3",
      factor,
      low_freq_factor: LOW,
      high_freq_factor: HIGH,
      original_max_position_embeddings: context,
    };
    const again = ropeFactors(scaling, theta, headDim);
    if (again.every((value, i) => Math.abs(value - factors[i]!) <= TOLERANCE * value)) return scaling;
  }
  throw new Error(
    `holds factors that are not Llama 3's scaling (low factor ${LOW}, high factor ${HIGH}); take the model's safetensors files`,
  );
}
