import { join } from "node:path";
import { HubError } from "../hub";
import { shownPath } from "../io";
import {
  isModelFile,
  loadPretrained,
  openPretrained,
  type OpenPretrainedModel,
  type PretrainedModel,
} from "../models/pretrained";
import type { Profile } from "../settings";

/** The base model that was pretrained for this project: `data/model`. */
export const embeddedModel = join(__dirname, "../../data/model");
const FLAN_T5_SMALL = "google/flan-t5-small";

/**
 * The model that experiments start from. The folder that `PERSONA_MODEL` names is always used; otherwise `quick` takes the
 * embedded model, and `full` FLAN-T5 Small of the Hugging Face hub or, where that cannot be reached, the embedded model.
 * `source.why` says which and why. Its weights stay in their files: each is read, and checked, when a training or a generator
 * asks for it. A program that is done with them closes the checkpoint; a notebook, whose cells may be run again, need not.
 */
export async function loadBase(profile: Profile): Promise<OpenPretrainedModel> {
  const named = process.env["PERSONA_MODEL"];
  if (named) return openDirectory(named, "PERSONA_MODEL names it");
  if (profile === "quick") {
    const why = "the quick profile uses the embedded model; PERSONA_MODEL can name a folder with another";
    return openDirectory(embeddedModel, why);
  }
  try {
    return await loadPretrained({ pretrained: FLAN_T5_SMALL });
  } catch (error) {
    if (!(error instanceof HubError && error.code === "offline")) throw error;
    const why = `the embedded model, not FLAN-T5 Small, because the hub could not be used: ${error.message}`;
    return openDirectory(embeddedModel, why);
  }
}

const openDirectory = (directory: string, why: string) =>
  openPretrained({ kind: isModelFile(directory) ? "file" : "directory", directory, why });

/** What an adapter and a summary call their base: the hub's name, or the folder as seen from the project. */
export function baseName({ source }: Pick<PretrainedModel, "source">): string {
  return source.kind === "hub" ? FLAN_T5_SMALL : shownPath(source.directory);
}
