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
/** Angles are at most 1 radian from one position to the next. */
const base = z.number().min(1);
const scalingSchema = z.looseObject({
  rope_type: z.string().nullish(),
  /** Its name before transformers 4.43. */
  type: z.string().nullish(),
  rope_theta: base.nullish(),
  factor: z.number().min(1).nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
});

/** The fields of config.json that say how positions are turned: those of transformers 4, and `rope_parameters` of 5. */
export const ropeFields = {
  rope_theta: base.nullish(),
  rope_scaling: scalingSchema.nullish(),
  rope_parameters: scalingSchema.nullish(),
  partial_rotary_factor: positive.nullish(),
};

type RopeFields = { readonly [Field in keyof typeof ropeFields]?: z.infer<(typeof ropeFields)[Field]> };
type Fields = z.infer<typeof scalingSchema>;

const DEFAULT_THETA = 10000;
const places = ["rope_scaling", "rope_parameters"] as const;

/** The rotary positions of a config.json. Fields of both layouts that contradict each other are refused. */
export function parseRope(file: RopeFields, maxPositions: number, refuse: (what: string) => never): Rope {
  const thetas = new Map<number, string>();
  const scalings = new Map<string, Rope["scaling"]>();
  const note = (theta: number | null | undefined, where: string) => theta != null && thetas.set(theta, where);
  note(file.rope_theta, "rope_theta");
  for (const place of places) {
    const fields = file[place];
    if (!fields || Object.keys(fields).length === 0) continue;
    note(fields.rope_theta, `${place}.rope_theta`);
    const scaling = parseScaling(fields, place, maxPositions, refuse);
    scalings.set(JSON.stringify(scaling ?? null), scaling);
  }
  const factors = [file, file.rope_scaling, file.rope_parameters].map((at) => at?.partial_rotary_factor ?? 1);
  if (factors.some((factor) => factor !== 1))
    refuse("partial_rotary_factor is not supported: the whole of each head must be turned");
  if (thetas.size > 1) {
    const said = [...thetas].map(([theta, where]) => `${where} is ${theta}`).join(" and ");
    refuse(`${said}: keep the one that the model was trained with`);
  }
  if (scalings.size > 1)
    refuse(`${places.join(" and ")} say different things: keep the one that the model was trained with`);
  const [theta = DEFAULT_THETA] = thetas.keys();
  const [scaling] = scalings.values();
  return { theta, ...(scaling && { scaling }) };
}

function parseScaling(
  fields: Fields,
  place: (typeof places)[number],
  maxPositions: number,
  refuse: (what: string) => never,
): Rope["scaling"] {
  const nested = Object.keys(fields).find(
    (name) => typeof fields[name] === "object" && fields[name] !== null,
  );
  if (nested !== undefined)
    refuse(`${place}.${nested} is not supported: all blocks must turn positions by the same angles`);
  const type = fields.rope_type ?? fields.type ?? (fields.factor == null ? "default" : undefined);
  const need = (name: "factor" | "low_freq_factor" | "high_freq_factor") =>
    fields[name] ?? refuse(`${place} of type ${type} has no ${name}`);
  switch (type) {
    case "default":
      return undefined;
    case "linear":
      return { type, factor: need("factor") };
    case "llama3": {
      const [lowFrequencyFactor, highFrequencyFactor] = [need("low_freq_factor"), need("high_freq_factor")];
      if (highFrequencyFactor <= lowFrequencyFactor) {
        const given = `${place}: high_freq_factor ${highFrequencyFactor}`;
        refuse(`${given} must be greater than low_freq_factor ${lowFrequencyFactor}`);
      }
      return {
        type,
        factor: need("factor"),
        lowFrequencyFactor,
        highFrequencyFactor,
        originalMaxPositions: fields.original_max_position_embeddings ?? maxPositions,
      };
    }
    case undefined:
      return refuse(`${place} has a factor but no rope_type: say which, linear or llama3`);
    default:
      return refuse(
        `${place} of type ${JSON.stringify(type)} is not supported: default, linear and llama3 are; take a model that has one of these`,
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
