/** What a notebook parameter may be. */
export type ParameterValue = string | number | boolean | readonly string[] | readonly number[];

/** A notebook's parameters: at least the profile and the seed. */
export interface Parameters {
  PROFILE: string;
  SEED: number;
  [name: string]: ParameterValue;
}

/** The profiles: `quick` on the embedded data in minutes, `full` on all of it. */
export const profiles = ["quick", "full"] as const;
export type Profile = (typeof profiles)[number];

/**
 * Reads the text of an override as the type that `declared` has: `50` for a number, `true` or `false`, a string as it
 * stands, a JSON array for an array.
 *
 * @throws Error that names the parameter and says what it takes
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
  return fits ? (value as string[] | number[]) : refuse(`a JSON array of ${type}s`);
}

/** Refuses a profile that does not exist and a seed that is no whole number. */
export function checkValue<T extends ParameterValue>(name: string, value: T): T {
  if (name === "PROFILE" && !profiles.includes(value as Profile)) {
    throw new Error(`PROFILE=${String(value)}: the profiles are ${profiles.join(", ")}`);
  }
  if (name === "SEED" && !Number.isSafeInteger(value)) {
    throw new Error(`SEED=${String(value)}: a seed is a whole number`);
  }
  return value;
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
