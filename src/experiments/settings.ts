import {
  changeRetrieval,
  defaultsOf,
  type Profile,
  schemaOf,
  sections,
  type Setting,
  type SettingKind,
  settingsIn,
  type ValuesOf,
} from "../settings";
import { checkedSettings } from "./checked";

/** What an experiment can set, section by section. Their order is that of a run's fingerprint, which a change makes another. */
export const experimentSections = [
  sections.chance,
  sections.data,
  sections.optimization,
  sections.loss,
  sections.validation,
  sections.adaptation,
  sections.input,
  sections.target,
  sections.generation,
] as const;

/** Every setting of an experiment, with all that is known of it. */
export const declaredSettings = settingsIn(experimentSections);
type Declared = typeof declaredSettings;

const schema = schemaOf(experimentSections).check(({ value, issues }) => {
  if (value.loadBestModelAtEnd && (value.evalSteps === 0 || value.nValidation === 0)) {
    const message = "needs a validation loss: set evalSteps and nValidation";
    issues.push({ code: "custom", input: value, path: ["loadBestModelAtEnd"], message });
  }
});

/** Everything that decides an experiment, flat and plain, so that a grid can vary any of it and a file can hold it. */
export type ExperimentSettings = ValuesOf<Declared>;

type SettingsOf<Kind extends SettingKind> = {
  [Name in keyof Declared]: Declared[Name] extends Setting<infer _, Kind> ? Name : never;
}[keyof Declared];

/** The settings that decide these things. */
export function settingsOf<Kind extends SettingKind>(
  ...wanted: readonly Kind[]
): readonly SettingsOf<Kind>[] {
  return Object.entries(declaredSettings).flatMap(([name, { decides }]) =>
    (wanted as readonly SettingKind[]).includes(decides) ? [name as SettingsOf<Kind>] : [],
  );
}

/** What is only asked of a model that is trained: the same adapter serves all their values. */
const evaluationKeys: readonly string[] = settingsOf("evaluation", "choice", "search", "decoding");

/** The settings that decide what is trained: all but those that are only asked of a trained model. */
export function trainingSettings(settings: ExperimentSettings): Partial<ExperimentSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !evaluationKeys.includes(key)));
}

/**
 * The settings that a profile starts from, with {@link changeSettings changes}.
 *
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function defaultExperiment(
  profile: Profile,
  changes: Partial<ExperimentSettings> = {},
): ExperimentSettings {
  return changeSettings(defaultsOf(declaredSettings, profile), changes);
}

/**
 * Settings with changes, checked. `k` and `retriever` follow one another: where either is changed to none, so is the other;
 * snippets without a retriever come from TF-IDF, and a retriever without a number gives 3.
 *
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function changeSettings(
  settings: ExperimentSettings,
  changes: Partial<ExperimentSettings>,
): ExperimentSettings {
  const changed = { ...settings, ...changes, ...changeRetrieval(settings, changes) };
  return parseExperiment(changed, "experiment settings");
}

/**
 * Checks settings from outside: a file, a command line.
 *
 * @param where begins the error's message
 */
export function parseExperiment(value: unknown, where: string): ExperimentSettings {
  return checkedSettings(schema, Object.keys(declaredSettings), value, where);
}

/** A table's rows: each setting with its value and what it means, section by section. */
export function settingRows(settings: ExperimentSettings) {
  return experimentSections.flatMap(({ title, settings: declared }) =>
    Object.entries(declared).map(([name, { meaning }]: [string, Setting]) => ({
      section: title,
      setting: name,
      value: String(settings[name as keyof ExperimentSettings]),
      meaning,
    })),
  );
}
