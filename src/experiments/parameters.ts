import type { Parameters } from "../notebook";
import { notebookNames, type Profile } from "../settings";
import { declaredSettings, defaultExperiment, type ExperimentSettings } from "./settings";

/**
 * A notebook's parameters as settings: those of the profile, with every parameter that is not 0 in its place; a seed may be 0.
 * Parameters that are no settings are left aside, and so are lists: their values are for the notebook to go through.
 */
export function notebookExperiment(
  parameters: Readonly<Parameters>,
  changes: Partial<ExperimentSettings> = {},
): ExperimentSettings {
  const given = notebookNames(declaredSettings).flatMap(({ parameter, name }) => {
    const value = parameters[parameter];
    if (Array.isArray(value)) return [];
    return value || (value === 0 && name === "seed") ? [[name, value] as const] : [];
  });
  return defaultExperiment(parameters.PROFILE as Profile, { ...Object.fromEntries(given), ...changes });
}
