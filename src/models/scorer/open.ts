import type { Architecture } from "../architecture";
import { architectureOf } from "../architectures";
import type { OpenCheckpoint } from "../pretrained/checkpoint";
import { openModelDirectory } from "../pretrained/read";
import { scorerArchitecture } from "./architecture";

/**
 * Opens a folder with a scorer in Hugging Face's form: a LlamaForSequenceClassification (Mistral's and Qwen's alike) or a
 * T5ForTokenClassification. See `openModelDirectory`.
 *
 * @throws {Error} if the folder holds none, or one that is not whole
 */
export function openScorerDirectory(directory: string): OpenCheckpoint {
  return openModelDirectory(
    directory,
    (file, source) => scorerArchitecture(architectureOf(file, source)) as unknown as Architecture,
  );
}
