import { deviceNamed } from "../engine";
import { parameterRanges, type Profile, profiles, type Range } from "../settings";
import { didYouMean } from "../text";

/** What a notebook parameter may be. */
export type ParameterValue = string | number | boolean | readonly string[] | readonly number[];

/** A notebook's parameters: at least the profile and the seed. */
export interface Parameters {
  PROFILE: string;
  SEED: number;
  [name: string]: ParameterValue;
}

const fromNought: Range = { whole: true, least: 0 };
const fromOne: Range = { whole: true, least: 1 };

/**
 * What the notebooks' numbers, and the numbers of their lists, may be: those of settings, and their own. 0 is allowed where it
 * says something: none, the first, or that a number is left to the profile.
 */
const ranges: Readonly<Record<string, Range>> = {
  ...parameterRanges,
  RECORD: fromNought,
  N_SHOWN_TURNS: fromOne,
  N_WORDS: fromOne,
  N_CONVERSATIONS: fromOne,
  LIMITS: fromOne,
  N_SNIPPETS: fromNought,
  OPENING_TURNS: fromOne,
  CUT: fromOne,
  RESAMPLES: { whole: true, least: 1, most: 1_000_000 },
  N_CASES: fromOne,
  N_ERRORS: fromOne,
  N_SEEDS: fromOne,
  N_TRACED: fromOne,
  HISTORY_TURNS: fromNought,
  MAX_LENGTH: fromNought,
  SFT_STEPS: fromNought,
  DPO_STEPS: fromNought,
  SELECT_WEIGHT: { whole: false, least: 0 },
  GROUNDED_WEIGHT: { whole: false, least: 0 },
  UNGROUNDED_WEIGHT: { whole: false, least: 0 },
  BETA: { whole: false, least: 0 },
  BETAS: { whole: false, least: 0 },
  RATIOS: { whole: false, least: 0, most: 1 },
  N_TRAIN_SWEEP: fromOne,
  ROUNDS: fromNought,
  SHARED: fromOne,
  ITERATIONS: fromOne,
  CANDIDATES: fromNought,
  STEPS: fromNought,
};

/** Of a notebook of one's own: whatever begins with `N_` is a count. */
const rangeOf = (name: string): Range | undefined =>
  Object.hasOwn(ranges, name) ? ranges[name] : name.startsWith("N_") ? fromNought : undefined;

/**
 * Reads the text of an override as the type that `declared` has: `50` for a number, `true` or `false`, a string as it
 * stands, a JSON array for an array; and checks it as {@link checkValue} does.
 *
 * @throws {Error} that names the parameter and says what it takes
 */
export function parseParameter(name: string, text: string, declared: ParameterValue): ParameterValue {
  const refuse = (expected: string): never => {
    throw new Error(
      `${name}=${text}: ${name} takes ${expected} (the notebook has ${JSON.stringify(declared)})`,
    );
  };
  if (typeof declared === "string") return checkValue(name, text);
  if (typeof declared === "number") {
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? checkValue(name, value) : refuse("a number");
  }
  if (typeof declared === "boolean") {
    return text === "true" || (text === "false" ? false : refuse("true or false"));
  }
  const type = typeof declared[0] === "string" ? "string" : "number";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(`a JSON array of ${type}s`);
  }
  const fits = Array.isArray(value) && value.every((item) => typeof item === type);
  return fits ? checkValue(name, value as string[] | number[]) : refuse(`a JSON array of ${type}s`);
}

/**
 * Refuses a profile or a device that does not exist, and numbers that are not what their parameter may be. A list of one of those
 * parameters has at least one number and none twice.
 *
 * @throws {Error} that names the parameter, the value, and what is allowed
 */
export function checkValue<T extends ParameterValue>(name: string, value: T): T {
  if (name === "PROFILE" && !profiles.includes(value as Profile)) {
    throw new Error(
      `PROFILE=${String(value)}: the profiles are ${profiles.join(", ")}.${didYouMean(String(value), profiles)}`,
    );
  }
  if (name === "DEVICE") deviceNamed(String(value));
  const range = rangeOf(name);
  if (!range) return value;
  const list = Array.isArray(value);
  const numbers: readonly unknown[] = list ? value : [value];
  const refuse = (expected: string): never => {
    throw new Error(`${name}=${JSON.stringify(value)}: ${expected}`);
  };
  const subject = name === "SEED" ? "a seed is" : list ? `each number of ${name} is` : `${name} is`;
  for (const number of numbers) if (!isWithin(number, range)) refuse(`${subject} ${describeRange(range)}`);
  if (numbers.length === 0) refuse(`${name} has at least one number`);
  if (new Set(numbers).size < numbers.length) refuse(`${name} has no number twice`);
  return value;
}

function isWithin(value: unknown, { whole, least, most = Infinity }: Range): boolean {
  const fits = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
  return fits && (value as number) >= least && (value as number) <= most;
}

function describeRange({ whole, least, most }: Range): string {
  const from = least === -Infinity ? "" : ` from ${least}`;
  return `a ${whole ? "whole number" : "number"}${from}${most === undefined ? "" : ` to ${most}`}`;
}

/**
 * The item of a list whose place, from 0, a parameter gives.
 *
 * @throws {Error} that names the parameter, the value, and what is allowed
 */
export function itemAt<T>(items: readonly T[], name: string, place: number): T {
  const item = items[place];
  if (item === undefined)
    throw new Error(`${name}=${place}: ${name} is a whole number from 0 to ${items.length - 1} here`);
  return item;
}

/** `parameters` with every one that the environment also names (`MAX_STEPS=50`) taken from there. */
export function applyEnvironment<P extends Parameters>(parameters: P, environment: NodeJS.ProcessEnv): P {
  const result: Record<string, ParameterValue> = {};
  for (const [name, declared] of Object.entries(parameters)) {
    const text = environment[name];
    result[name] = text === undefined ? checkValue(name, declared) : parseParameter(name, text, declared);
  }
  return result as P;
}
