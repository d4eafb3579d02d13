import { join } from "node:path";
import { HubError } from "../hub";
import { shownPath } from "../io";
import { loadPretrained, type PretrainedModel, readModelDirectory, requireRows } from "../models/pretrained";
import { loadTokenizer } from "../models/tokenizer";
import type { Profile } from "../notebook";

/** The base model that was pretrained for this project: `data/model`. */
export const embeddedModel = join(__dirname, "../../data/model");
const FLAN_T5_SMALL = "google/flan-t5-small";

/**
 * The model that experiments start from. The folder that `PERSONA_MODEL` names is always used; otherwise `quick` takes the
 * embedded model, and `full` FLAN-T5 Small of the Hugging Face hub or, where that cannot be reached, the embedded model.
 * `source.why` says which and why.
 */
export async function loadBase(profile: Profile): Promise<PretrainedModel> {
  const named = process.env["PERSONA_MODEL"];
  if (named) return loadDirectory(named, "PERSONA_MODEL names it");
  if (profile === "quick") {
    const why = "the quick profile uses the embedded model; PERSONA_MODEL can name a folder with another";
    return loadDirectory(embeddedModel, why);
  }
  try {
    return await loadPretrained({ pretrained: FLAN_T5_SMALL });
  } catch (error) {
    if (!(error instanceof HubError && error.code === "offline")) throw error;
    const why = `the embedded model, not FLAN-T5 Small, because the hub could not be used: ${error.message}`;
    return loadDirectory(embeddedModel, why);
  }
}

async function loadDirectory(directory: string, why: string): Promise<PretrainedModel> {
  const checkpoint = readModelDirectory(directory);
  const tokenizer = await loadTokenizer(directory);
  requireRows(tokenizer, checkpoint);
  return { source: { kind: "directory", directory, why }, checkpoint, tokenizer };
}

/** What an adapter and a summary call their base: the hub's name, or the folder as seen from the project. */
export function baseName({ source }: Pick<PretrainedModel, "source">): string {
  return source.kind === "hub" ? FLAN_T5_SMALL : shownPath(source.directory);
}
