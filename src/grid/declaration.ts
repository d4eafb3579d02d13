import { z } from "zod";
import { type Device, devices } from "../engine";
import { readJson } from "../io";
import { type Profile, profiles } from "../settings";
import { describeIssues } from "../text";

/** A value of a setting. */
export type SettingValue = string | number | boolean;

/** Settings by name, flat. */
export type Settings = Readonly<Record<string, SettingValue>>;

/**
 * A grid as it is declared: settings that all its runs share, and either `axes`, whose values are all combined, or
 * `runs`, named one by one. What neither names has the profile's default.
 *
 *     { "base": { "maxSteps": 600 }, "axes": { "maxNewTokens": [96, 128], "k": [3, 4] } }
 *     { "runs": { "A": { "maxNewTokens": 96, "k": 3 }, "B": { "maxNewTokens": 96, "k": 4 } } }
 */
export interface GridDeclaration {
  /** Begins every RUN_ID of the grid, so that grids with the same axes can share a folder. */
  readonly name?: string;
  /** @default "quick" */
  readonly profile?: Profile;
  /**
   * Where its runs run: what they come to is the same but for rounding, so that it is no setting of theirs.
   * @default as `DEVICE` says, otherwise the cpu
   */
  readonly device?: Device;
  readonly base?: Settings;
  readonly axes?: Readonly<Record<string, readonly SettingValue[]>>;
  readonly runs?: Readonly<Record<string, Settings>>;
}

/** One run of a grid: its RUN_ID, and what it sets. */
export interface PlannedRun {
  readonly id: string;
  readonly settings: Settings;
}

/** A run with what its seeds are called together: its RUN_ID, without the seed where that is an axis. */
export interface FamilyRun extends PlannedRun {
  readonly family: string;
}

/** More runs than anybody means to start. */
const mostRuns = 10_000;
/** File systems take names of 255 bytes, of which the longest file of a run adds 30. */
const longestId = 120;

const value = z.union([z.string().max(200), z.number(), z.boolean()], "a number, a string, true or false");
const named = (pattern: RegExp, rule: string) => {
  const key = z.string().regex(pattern, rule);
  const record = <T extends z.ZodType>(of: T) =>
    z.record(key, of, {
      error: ({ code }) => (code === "invalid_key" ? `a name here has ${rule}` : undefined),
    });
  return { key, record };
};
const setting = named(/^[A-Za-z]\w*$/, "a letter first, then only letters, digits and _");
const runId = named(/^\w[\w.-]*$/, 'only letters, digits, ".", "_" and "-", and none of "." and "-" first');
const settings = setting.record(value);

const schema = z
  .strictObject({
    name: runId.key.optional(),
    profile: z.enum(profiles).optional(),
    device: z.enum(devices).optional(),
    base: settings.optional(),
    axes: setting.record(z.array(value).min(1)).optional(),
    runs: runId.record(settings).optional(),
  })
  .check(({ value: { axes, runs }, issues }) => {
    if ((axes === undefined) === (runs === undefined))
      issues.push({ code: "custom", input: undefined, message: "a grid has either axes or runs" });
  });

/**
 * Checks a declaration and lists its runs, those of axes in order with the last axis changing fastest. A RUN_ID of axes
 * is made of their names and values, `maxNewTokens_96-k_3`.
 *
 * @param where names the declaration in errors, such as its file
 * @throws {Error} that says what is wrong and where
 */
export function planGrid(declaration: unknown, where = "the grid"): { profile: Profile; runs: PlannedRun[] } {
  const { profile, runs } = planFamilies(declaration, where);
  return { profile, runs: runs.map(({ id, settings }) => ({ id, settings })) };
}

/** {@link planGrid} with the family of each run. */
export function planFamilies(
  declaration: unknown,
  where = "the grid",
): { profile: Profile; device: Device | undefined; runs: FamilyRun[] } {
  const parsed = schema.safeParse(declaration);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error, declaration, Object.keys(schema.shape)).join("\n");
    throw new Error(`${where} is not declared well:\n${problems}`);
  }
  const { name: prefix, profile = "quick", device, base = {}, axes, runs } = parsed.data;
  const refuse = (what: string): never => {
    throw new Error(`${where}: ${what}`);
  };
  const named = Object.entries(runs ?? {}).map(([id, settings]): FamilyRun => ({ id, family: id, settings }));
  const own = axes ? combine(axes, refuse) : named;
  if (own.length === 0) refuse("it has no runs");
  const planned = own.map(({ id, family, settings }) => ({
    id: [prefix, id].filter(Boolean).join("-"),
    family: [prefix, family].filter(Boolean).join("-") || "all",
    settings: { ...base, ...settings },
  }));
  const seen = new Map<string, string>();
  for (const { id } of planned) {
    if (id.length > longestId)
      refuse(`the RUN_ID ${id} has more than ${longestId} characters; name runs one by one`);
    // Some file systems take "a" and "A" for the same name.
    const before = seen.get(id.toLowerCase());
    if (before !== undefined)
      refuse(`two runs would have the RUN_IDs ${before} and ${id}, which are one name to some file systems`);
    seen.set(id.toLowerCase(), id);
  }
  return { profile, device, runs: planned };
}

/**
 * Reads a declaration from a JSON file.
 * @throws {Error} as {@link planGrid}, naming the file
 */
export function readDeclaration(path: string): GridDeclaration {
  const declaration = readJson(path);
  planGrid(declaration, path);
  return declaration as GridDeclaration;
}

/** Every combination of the axes' values, with its RUN_ID. */
function combine(axes: NonNullable<GridDeclaration["axes"]>, refuse: (what: string) => never): FamilyRun[] {
  const entries = Object.entries(axes);
  const count = entries.reduce((product, [, values]) => product * values.length, 1);
  if (count > mostRuns) refuse(`${count} runs are more than the ${mostRuns} that a grid may have`);
  if (entries.length === 0) return [];
  let combined: FamilyRun[] = [{ id: "", family: "", settings: {} }];
  for (const [name, values] of entries) {
    combined = combined.flatMap(({ id, family, settings }) =>
      values.map((value): FamilyRun => {
        const step = `${name}_${String(value).replace(/[^\w.-]/g, "_")}`;
        const longer = (path: string) => (path === "" ? step : `${path}-${step}`);
        const both = { id: longer(id), family: name === "seed" ? family : longer(family) };
        return { ...both, settings: { ...settings, [name]: value } };
      }),
    );
  }
  return combined;
}
