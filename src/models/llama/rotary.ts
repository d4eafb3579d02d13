import { z } from "zod";

/** Rotary positions: the base θ of the angles, and how they are stretched for longer texts. */
export interface Rope {
  readonly theta: number;
  readonly scaling?: LinearScaling | Llama3Scaling;
}

/** All angles divided by a factor (Chen et al., 2023). */
export interface LinearScaling {
  readonly type: "linear";
  readonly factor: number;
}

/** Llama 3.1's: slow angles are divided, fast ones kept, those between blended. */
export interface Llama3Scaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
}

const positive = z.number().positive();
const scalingSchema = z.looseObject({
  rope_type: z.string().nullish(),
  /** Its name before transformers 4.43. */
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
});

/** The fields of config.json that say how positions are turned: those of transformers 4, and `rope_parameters` of 5. */
export const ropeFields = {
  rope_theta: positive.nullish(),
  rope_scaling: scalingSchema.nullish(),
  rope_parameters: scalingSchema.nullish(),
  partial_rotary_factor: positive.nullish(),
};

type RopeFields = { readonly [Field in keyof typeof ropeFields]?: z.infer<(typeof ropeFields)[Field]> };

const DEFAULT_THETA = 10000;

/** The rotary positions of a config.json. */
export function parseRope(file: RopeFields, maxPositions: number, refuse: (what: string) => never): Rope {
  const scaling = file.rope_parameters ?? file.rope_scaling;
  const field = file.rope_parameters ? "rope_parameters" : "rope_scaling";
  const theta = file.rope_parameters?.rope_theta ?? file.rope_theta ?? DEFAULT_THETA;
  if ((scaling?.partial_rotary_factor ?? file.partial_rotary_factor ?? 1) !== 1)
    refuse("partial_rotary_factor is not supported: the whole of each head must be turned");
  const type = scaling?.rope_type ?? scaling?.type ?? "default";
  const need = (name: "factor" | "low_freq_factor" | "high_freq_factor") =>
    scaling?.[name] ?? refuse(`${field} of type ${type} has no ${name}`);
  switch (type) {
    case "default":
      return { theta };
    case "linear":
      return { theta, scaling: { type, factor: need("factor") } };
    case "llama3":
      return {
        theta,
        scaling: {
          type,
          factor: need("factor"),
          lowFrequencyFactor: need("low_freq_factor"),
          highFrequencyFactor: need("high_freq_factor"),
          originalMaxPositions: scaling?.original_max_position_embeddings ?? maxPositions,
        },
      };
    default:
      return refuse(
        `${field} of type ${JSON.stringify(type)} is not supported: default, linear and llama3 are`,
      );
  }
}

/**
 * The angle that each pair of a head turns by from one position to the next, [headDim / 2], in radians, rounded to float32:
 *
 *     ωᵢ = θ^(−2i/d)
 *
 * Scaled linearly, all are divided by the factor. With llama3's scaling and the wavelength λ = 2π/ω: ω stays where
 * λ < L/high, is divided by the factor where λ > L/low, and between them is (1 − s) ω/factor + s ω with
 * s = (L/λ − low) / (high − low), for L the positions that the model was first trained with.
 */
export function rotaryFrequencies({ theta, scaling }: Rope, headDim: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(theta ** ((2 * i) / headDim)));
    if (!scaling) return frequency;
    const { factor } = scaling;
    if (scaling.type === "linear") return frequency / factor;
    const { lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions: length } = scaling;
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < length / high) return frequency;
    if (wavelength > length / low) return frequency / factor;
    const smooth = (length / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** cos and sin of the angles of positions 0 … count − 1, each [count, headDim / 2]. */
export function rotaryTables(rope: Rope, headDim: number, count: number) {
  const frequencies = rotaryFrequencies(rope, headDim);
  const half = frequencies.length;
  const [cos, sin] = [new Float32Array(count * half), new Float32Array(count * half)];
  for (let position = 0; position < count; position++) {
    frequencies.forEach((frequency, i) => {
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    });
  }
  return { cos, sin };
}
