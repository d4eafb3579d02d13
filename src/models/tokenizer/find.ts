import { dirname, join } from "node:path";
import { downloadFile, HubError } from "../../hub";
import { loadTokenizer, type Tokenizer } from "./tokenizer";

const root = join(__dirname, "../../..");

/** The tokenizer of the embedded base model, made for this project: `data/model`. */
export const embeddedTokenizer = join(root, "data/model");

export interface TokenizerOptions {
  /**
   * `quick` takes the embedded tokenizer, `full` that of FLAN-T5 Small.
   * @default "quick"
   */
  profile?: "quick" | "full";
  /**
   * Folder of a model in Hugging Face layout, used whatever the profile.
   * @default the folder that `PERSONA_MODEL` names
   */
  directory?: string;
  /**
   * Repository of the Hugging Face hub for the profile `full`.
   * @default "google/flan-t5-small"
   */
  pretrained?: string;
  /**
   * Where downloads are kept.
   * @default `PERSONA_CACHE`, else `.cache/hub` of the project
   */
  cacheDirectory?: string;
}

/** A tokenizer, and a sentence that says which and why. */
export interface FoundTokenizer {
  tokenizer: Tokenizer;
  why: string;
}

/**
 * The tokenizer of the profile's model, without the model: two small files instead of its weights. Where the hub cannot
 * be reached, `full` falls back to the embedded tokenizer and says so.
 *
 * @throws {HubError} if the hub answers but has not got the files
 */
export async function findTokenizer(options: TokenizerOptions = {}): Promise<FoundTokenizer> {
  const { profile = "quick", pretrained = "google/flan-t5-small" } = options;
  const named = options.directory ?? (process.env["PERSONA_MODEL"] || undefined);
  if (named)
    return { tokenizer: await loadTokenizer(named), why: `the tokenizer in ${named}, which was named` };
  if (profile === "quick") {
    const why = "the project's own tokenizer, as the quick profile uses the embedded model";
    return { tokenizer: await loadTokenizer(embeddedTokenizer), why };
  }
  const cacheDirectory = options.cacheDirectory ?? (process.env["PERSONA_CACHE"] || join(root, ".cache/hub"));
  try {
    await downloadFile({ repo: pretrained, file: "tokenizer_config.json", cacheDirectory });
    const path = await downloadFile({ repo: pretrained, file: "tokenizer.json", cacheDirectory });
    return {
      tokenizer: await loadTokenizer(dirname(path)),
      why: `the tokenizer of ${pretrained}, from the hub`,
    };
  } catch (error) {
    if (!(error instanceof HubError && error.code === "offline")) throw error;
    return {
      tokenizer: await loadTokenizer(embeddedTokenizer),
      why:
        `the project's own tokenizer, not that of ${pretrained}, because the hub could not be used: ${error.message}. ` +
        `PERSONA_MODEL can name a folder with the model`,
    };
  }
}
