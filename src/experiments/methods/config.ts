import { z } from "zod";
import { type Setting, settingsIn } from "../../settings";
import { describeIssues } from "../../text";
import type { Method } from "./method";

/** A configuration with every default filled in. */
export type CheckedConfig = Readonly<Record<string, unknown>> & {
  readonly model: string;
  readonly adapter?: string;
  readonly output: string;
};

/** What a method can be told. */
export interface Field {
  readonly name: string;
  readonly meaning: string;
  /** Undefined where it must be given, or may be left out without a value. */
  readonly default?: unknown;
  readonly isRequired: boolean;
}

/** What an adapter brings with it, so that it is not set beside one. */
const ofAdapter = ["rank", "alpha", "trainHead", "unfrozenEncoderBlocks", "unfrozenDecoderBlocks"] as const;

/** All that a method can be told, in the order of its parts and sections. */
export function fieldsOf(method: Method): Field[] {
  const settings = settingsIn(method.sections as never) as Readonly<Record<string, Setting>>;
  return [
    ...Object.entries(method.parts).map(([name, type]) => {
      const given = type.safeParse(undefined);
      return {
        name,
        meaning: type.description ?? "",
        isRequired: !given.success,
        ...(given.success && given.data !== undefined && { default: given.data }),
      };
    }),
    ...Object.entries(settings).map(([name, setting]) => {
      const value = defaultOf(method, name, setting);
      return {
        name,
        meaning: setting.meaning,
        isRequired: false,
        ...(value !== undefined && { default: value }),
      };
    }),
  ];
}

/**
 * Checks a configuration and fills in what it leaves out.
 *
 * @param source named in errors
 * @throws {Error} naming every field that is unknown (with the nearest that there is), missing or of another kind
 */
export function checkConfig(method: Method, value: unknown, source: string): CheckedConfig {
  const settings = settingsIn(method.sections as never) as Readonly<Record<string, Setting>>;
  const types = Object.entries(settings).map(([name, setting]) => {
    const given = defaultOf(method, name, setting);
    return [name, given === undefined ? setting.type.optional() : setting.type.default(given)] as const;
  });
  const schema = z
    .strictObject({ ...method.parts, ...Object.fromEntries(types) })
    .check(({ value, issues }) => {
      const refuse = (name: string, message: string) =>
        issues.push({ code: "custom", input: value, path: [name], message });
      for (const section of method.sections) section.check?.(value as never, refuse);
    });
  const parsed = schema.safeParse(value);
  const names = fieldsOf(method).map(({ name }) => name);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error, value, names).map((problem) => `\n  ${problem}`);
    throw new Error(`${source}: not a configuration of ${method.name}:${problems.join("")}`);
  }
  const given = Object.keys(value as object).filter(
    (name) => (value as Record<string, unknown>)[name] !== undefined,
  );
  const both = ofAdapter.find((name) => given.includes(name));
  if (given.includes("adapter") && both !== undefined)
    throw new Error(
      `${source}: ${both} goes with a new adapter; that of adapter has its own: leave out one of them`,
    );
  if (given.includes("epochs") && given.includes("maxSteps"))
    throw new Error(`${source}: epochs and maxSteps both say how long to train: leave out one of them`);
  return parsed.data as unknown as CheckedConfig;
}

/** maxSteps has none where epochs can be given instead. */
function defaultOf(method: Method, name: string, setting: Setting): Setting["default"] | undefined {
  if (name === "maxSteps" && "epochs" in method.parts) return undefined;
  return (method.defaults as Readonly<Record<string, Setting["default"]>>)[name] ?? setting.default;
}
