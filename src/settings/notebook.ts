import type { Settings } from "./section";
import * as sections from "./sections";
import { rangeOf, type Range } from "./setting";

/** The parameters of notebooks that give settings: which setting each gives. */
export function notebookNames<S extends Settings>(settings: S): { parameter: string; name: keyof S }[] {
  return Object.entries(settings).flatMap(([name, { notebook }]) =>
    notebook === undefined ? [] : [{ parameter: notebook, name }],
  );
}

/** What the numbers of these parameters may be, in all sections. */
export const parameterRanges: Readonly<Record<string, Range>> = Object.fromEntries(
  Object.values(sections).flatMap(({ settings }) =>
    notebookNames(settings).flatMap(({ parameter, name }) => {
      const setting = (settings as Settings)[name as string]!;
      const range = rangeOf(setting);
      return range ? [[parameter, { ...range, least: setting.notebookLeast ?? range.least }]] : [];
    }),
  ),
);
