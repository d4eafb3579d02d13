import { z } from "zod";
import type { Profile } from "./profile";
import type { Setting } from "./setting";

export type Settings = Readonly<Record<string, Setting>>;

/** The values of some settings. */
export type ValuesOf<S extends Settings> = {
  -readonly [Name in keyof S]: S[Name] extends Setting<infer T> ? T : never;
};

/** Says that a setting has a value that does not go with the others. */
export type Refuse = (name: string, message: string) => void;

/** Settings that configure one thing, in the order in which they are shown. */
export interface Section<S extends Settings = Settings> {
  readonly title: string;
  readonly settings: S;
  /** Refuses values of these settings that do not go together. */
  check?(values: ValuesOf<S>, refuse: Refuse): void;
}

/** Declares a section. */
export function section<const S extends Settings>(
  title: string,
  settings: S,
  check?: (values: ValuesOf<S>, refuse: Refuse) => void,
): Section<S> {
  return { title, settings, ...(check ? { check } : {}) };
}

type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/** The settings of several sections, by name. */
export type SettingsIn<Sections extends readonly Section[]> =
  Intersection<Sections[number]["settings"]> extends infer All extends Settings ? All : never;

/**
 * The settings of a study's sections, by name.
 *
 * @throws {Error} if two sections have a setting of the same name
 */
export function settingsIn<const Sections extends readonly Section[]>(
  sections: Sections,
): SettingsIn<Sections> {
  const all: Record<string, Setting> = {};
  for (const { title, settings } of sections) {
    for (const [name, setting] of Object.entries(settings)) {
      if (Object.hasOwn(all, name)) throw new Error(`the section ${title} declares ${name} once more`);
      all[name] = setting;
    }
  }
  return all as SettingsIn<Sections>;
}

/** Checks a flat object of all the settings of some sections, and that they go together. */
export function schemaOf<const Sections extends readonly Section[]>(
  sections: Sections,
): z.ZodType<ValuesOf<SettingsIn<Sections>>> {
  const types = Object.entries(settingsIn(sections)).map(([name, { type }]: [string, Setting]) => [
    name,
    type,
  ]);
  const schema = z
    .strictObject(Object.fromEntries(types) as Record<string, Setting["type"]>)
    .check(({ value, issues }) => {
      const refuse: Refuse = (name, message) =>
        issues.push({ code: "custom", input: value, path: [name], message });
      for (const section of sections) section.check?.(value as never, refuse);
    });
  return schema as unknown as z.ZodType<ValuesOf<SettingsIn<Sections>>>;
}

/** The values that a profile starts from. */
export function defaultsOf<S extends Settings>(settings: S, profile: Profile): ValuesOf<S> {
  const values = Object.entries(settings).map(([name, setting]) => [
    name,
    profile === "quick" ? (setting.quick ?? setting.default) : setting.default,
  ]);
  return Object.fromEntries(values) as ValuesOf<S>;
}

/** Of some values those of a section. */
export function valuesIn<S extends Settings>({ settings }: Section<S>, values: ValuesOf<S>): ValuesOf<S> {
  return Object.fromEntries(
    (Object.keys(settings) as (keyof S)[]).map((name) => [name, values[name]]),
  ) as ValuesOf<S>;
}
