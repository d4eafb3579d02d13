import { z } from "zod";

/**
 * What a setting decides. Whatever treats some settings in one way asks for it, so that a new setting has its place everywhere.
 *
 * - `seed`: chance, over which results are averaged.
 * - `training`: how a model is trained, and on what; it means nothing to a model that is not. `unfreezing`: what is trained
 *   beside the adapters.
 * - `form` and `retrieval`: what a model is given, in training and evaluation alike.
 * - `length`: how long targets and answers are.
 * - `search`: how an answer is looked for, and several come to differ; `decoding`: what it may not be; `choice`: how many there
 *   are to choose from.
 * - `evaluation`: which conversations are answered.
 */
export type SettingKind =
  | "seed"
  | "training"
  | "unfreezing"
  | "form"
  | "retrieval"
  | "length"
  | "search"
  | "decoding"
  | "choice"
  | "evaluation";

type Value = string | number | boolean;

/** All that is known of a setting. */
export interface Setting<T extends Value = Value, Kind extends SettingKind = SettingKind> {
  /** The values that it takes. */
  readonly type: z.ZodType<T>;
  readonly decides: Kind;
  /** The value of the profile `full`, and of `quick` where that has no other. */
  readonly default: T;
  readonly quick?: T;
  /** What tables call it. */
  readonly label: string;
  /** One sentence. */
  readonly meaning: string;
  /** The parameter of a notebook that gives it; 0 leaves a number to the profile. */
  readonly notebook?: string;
  /** The least number that the parameter takes, where that is not the setting's own. */
  readonly notebookLeast?: number;
}

/** Declares a setting by its type and what else is known of it. */
export function setting<Type extends z.ZodType<Value>, const Kind extends SettingKind>(
  type: Type,
  known: Omit<Setting<z.output<Type>, Kind>, "type">,
): Setting<z.output<Type>, Kind> {
  return { type, ...known } as unknown as Setting<z.output<Type>, Kind>;
}

/** Types that many settings have: a whole number from 0, one from 1, a number above 0. */
export const whole = z.int().nonnegative();
export const count = z.int().positive();
export const positive = z.number().positive();

/** What a number may be: whole or any, and from where to where. */
export interface Range {
  readonly whole: boolean;
  readonly least: number;
  readonly most?: number;
}

/** The range of a setting's numbers, a bound that it does not reach included; undefined where it takes no numbers. */
export function rangeOf({ type }: Pick<Setting, "type">): Range | undefined {
  if (!(type instanceof z.ZodNumber)) return undefined;
  const { isInt, minValue, maxValue } = type as z.ZodNumber;
  const least = minValue === null || minValue <= Number.MIN_SAFE_INTEGER ? -Infinity : minValue;
  const bounded = maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER;
  return { whole: isInt, least, ...(bounded ? { most: maxValue } : {}) };
}
