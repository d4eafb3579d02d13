import type { Dialogue } from "../corpus";
import type { BootstrapOptions } from "../metrics";
import { type TestedDomain, testOnDomains } from "./domains";
import { studySettings, type StudyParameters, trainingFor } from "./settings";
import { speakerRows, type Situation } from "./situations";
import { trainSpeaker } from "./training";

/** What a second model is put beside the first one by. */
export interface SecondModel {
  /** A folder, a GGUF file or a name of the hub; none, where it is empty. */
  readonly model: string;
  /** The share of the mixture that it learns from, for its name. */
  readonly ratio: number;
  readonly dialogues: readonly Dialogue[];
  readonly domains: Readonly<Record<string, readonly Situation[]>>;
  /** Where its adapter goes, and its answers. */
  readonly adapters: string;
  readonly answers: string;
}

/**
 * Another model, untrained and trained on dialogues by their facts alone for as many steps as a mixture is, in the situations in which the
 * first one was tested.
 *
 * @param parameters the notebook's, whose model is replaced
 */
export async function testSecondModel(
  parameters: StudyParameters,
  { model, ratio, dialogues, domains, adapters, answers }: SecondModel,
  { resamples }: Pick<BootstrapOptions, "resamples">,
): Promise<TestedDomain[]> {
  if (model === "") return [];
  const settings = await studySettings({ ...parameters, MODEL: model });
  const rows = speakerRows(dialogues, "P", settings.taskType);
  const training = trainingFor(settings, settings.shortSteps, adapters);
  const { adapter } = await trainSpeaker(`p-${ratio}-larger`, rows, training);
  return testOnDomains(
    [
      { name: "larger, untrained", adapter: undefined, prompt: "P" },
      { name: `larger, P, ${ratio}`, adapter, prompt: "P" },
    ],
    domains,
    { ...settings.testing, folder: answers, ...(resamples !== undefined && { resamples }) },
  );
}
