import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { downloadFile, type DownloadProgress, HubError } from "../../hub";
import { loadTokenizer, type Tokenizer } from "../tokenizer";
import type { Checkpoint, OpenCheckpoint } from "./checkpoint";
import { isModelFile, openCheckpoint } from "./open-checkpoint";
import { CONVERT_ANEW } from "./shapes";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, INDEX_FILE, readWeightMap, WEIGHTS_FILE } from "./read";

export interface PretrainedOptions {
  /**
   * A model directory in Hugging Face layout, which is used if it holds a model (a config.json) whatever else is given; or a
   * model in one file: a GGUF file (.gguf), a checkpoint of llama2.c (.bin).
   */
  directory?: string;
  /**
   * A model repository of the Hugging Face hub, used otherwise.
   * @default "google/flan-t5-small"
   */
  pretrained?: string;
  /**
   * Branch, tag or commit of the repository.
   * @default "main"
   */
  revision?: string;
  /**
   * Where downloads are kept.
   * @default `PERSONA_CACHE`, else `.cache/hub` of the project
   */
  cacheDirectory?: string;
  /** Shows how far a download has come. */
  onProgress?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
}

/** Where a model's files are, and why there. */
export interface ModelSource {
  readonly kind: "directory" | "file" | "hub";
  /** The folder, or the file, that the model is in. */
  readonly directory: string;
  /** A sentence for the reader. */
  readonly why: string;
}

/** A model with its tokenizer, ready to be used. */
export interface PretrainedModel {
  readonly source: ModelSource;
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
}

/** A pretrained model whose weights stay in their files until they are asked for; close its checkpoint when done. */
export interface OpenPretrainedModel extends PretrainedModel {
  readonly checkpoint: OpenCheckpoint;
}

/** Finds a model as {@link findModel} does and opens it with its tokenizer. */
export async function loadPretrained(options: PretrainedOptions = {}): Promise<OpenPretrainedModel> {
  return openPretrained(await findModel(options));
}

/**
 * Opens the model of a directory or file with its tokenizer.
 *
 * @throws {Error} if {@link openCheckpoint} does, or if the tokenizer is missing or does not belong to the model
 */
export async function openPretrained(source: ModelSource): Promise<OpenPretrainedModel> {
  const checkpoint = openCheckpoint(source.directory);
  try {
    const tokenizer = await loadTokenizer(checkpoint.tokenizer?.() ?? source.directory);
    requireRows(tokenizer, checkpoint);
    return { source, tokenizer, checkpoint };
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/**
 * Throws if a tokenizer has tokens for which the model's embedding has no row. Rows without a token are common: FLAN-T5 has
 * 32,128 for 32,100 tokens.
 */
export function requireRows(tokenizer: Tokenizer, { config }: Pick<Checkpoint, "config">): void {
  const { vocabularySize, directory } = tokenizer;
  if (vocabularySize <= config.vocabSize) return;
  const what = `${directory}: the tokenizer has ${vocabularySize} tokens, but the model's embedding has ${config.vocabSize} rows`;
  if (tokenizer.files) throw new Error(`${what}; ${CONVERT_ANEW}`);
  throw new Error(
    `${what} (vocab_size in config.json): they do not belong together, or tokens were added after the model was saved. Take the ` +
      `model's own tokenizer, or in Python call model.resize_token_embeddings(len(tokenizer)) and save the model again`,
  );
}

/**
 * Where the model's files are: the directory if it holds a model or is a model's file, else the hub's repository, of which the files that are
 * not yet in the cache are fetched.
 *
 * @throws {HubError} if a file cannot be had
 */
export async function findModel(options: PretrainedOptions = {}): Promise<ModelSource> {
  const { directory, pretrained = "google/flan-t5-small", revision } = options;
  if (directory !== undefined && existsSync(join(directory, CONFIG_FILE))) {
    return { kind: "directory", directory, why: `${directory} holds a model` };
  }
  if (directory !== undefined && isModelFile(directory))
    return { kind: "file", directory, why: `${directory} is a model in one file` };
  const fetched = await fetchModel(pretrained, options);
  const version = revision === undefined ? "" : ` (${revision})`;
  const reason =
    directory === undefined ? "no directory is named" : `${directory} holds no model (no ${CONFIG_FILE})`;
  return {
    kind: "hub",
    directory: fetched,
    why: `${pretrained}${version} of the Hugging Face hub, as ${reason}`,
  };
}

/** Brings the files that a model needs into the cache and returns their directory. */
async function fetchModel(repo: string, options: PretrainedOptions): Promise<string> {
  const { revision, onProgress, signal } = options;
  const project = join(__dirname, "../../..");
  const cacheDirectory =
    options.cacheDirectory ?? (process.env["PERSONA_CACHE"] || join(project, ".cache/hub"));
  const fetchFile = (file: string) =>
    downloadFile({ repo, file, revision, cacheDirectory, onProgress, signal });
  let unreachable: HubError | undefined;
  // Weights come last: where a cache has them and there is no network, what it lacks beside them the repository lacks.
  const fetchIfThere = (file: string) =>
    fetchFile(file).catch((error: unknown) => {
      if (!(error instanceof HubError && (error.code === "not found" || error.code === "offline")))
        throw error;
      if (error.code === "offline" && file === WEIGHTS_FILE) unreachable = error;
      return undefined;
    });

  const directory = dirname(await fetchFile(CONFIG_FILE));
  await fetchFile("tokenizer.json");
  await fetchFile("tokenizer_config.json");
  const others = ["special_tokens_map.json", "chat_template.jinja", GENERATION_CONFIG_FILE];
  // Its card states the licence.
  for (const file of [...others, "README.md"]) await fetchIfThere(file);
  if (await fetchIfThere(WEIGHTS_FILE)) return directory;
  const index = await fetchIfThere(INDEX_FILE);
  if (index === undefined) {
    if (unreachable) throw unreachable;
    throw new Error(
      `${repo}: the repository has no ${WEIGHTS_FILE}; pickled weights (.bin) are not read, as they can run code. ` +
        `Save the model with safe_serialization=True in Python, or take another revision`,
    );
  }
  for (const shard of new Set(readWeightMap(index).values())) await fetchFile(shard);
  return directory;
}
