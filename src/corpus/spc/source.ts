import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { downloadFile, type DownloadProgress, HubError } from "../../hub";
import { type Part, partFiles } from "./types";

const root = join(__dirname, "../../..");

/** The conversations written for this project, in the corpus' form: `data/sample`. */
export const sampleDirectory = join(root, "data/sample");

/** Synthetic-Persona-Chat on the Hugging Face hub. */
export const hubCorpus = { repo: "google/Synthetic-Persona-Chat", type: "dataset", folder: "data" } as const;

export interface SourceOptions {
  /**
   * Folder with the corpus' CSV files.
   * @default the folder that `PERSONA_DATA` names
   */
  directory?: string;
  /**
   * Which corpus to use where no folder is named.
   * @default "quick"
   */
  profile?: "quick" | "full";
  /**
   * Where downloads are kept.
   * @default `PERSONA_CACHE`, else `.cache/hub` of the project
   */
  cacheDirectory?: string;
  /**
   * Told how far a download has come.
   * @default a line of progress is shown
   */
  onProgress?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
}

/** Which corpus is used, and why. */
export interface CorpusSource {
  kind: "directory" | "hub" | "sample";
  directory: string;
  /** A sentence for the reader. */
  why: string;
}

/**
 * Finds the corpus. A named folder is always used: `directory`, else the environment's `PERSONA_DATA`. Otherwise the
 * profile decides: `quick` takes the embedded sample and needs no network; `full` takes `data/spc` if it exists, else
 * the Hugging Face hub (or its files in the cache), else — where the hub cannot be reached — the embedded sample.
 *
 * @param parts the files that will be read
 * @throws {HubError} if the hub answers but a file cannot be had
 */
export async function findCorpus(options: SourceOptions, parts: readonly Part[]): Promise<CorpusSource> {
  if (options.directory)
    return { kind: "directory", directory: options.directory, why: "the folder was named" };
  const named = process.env["PERSONA_DATA"];
  if (named) return { kind: "directory", directory: named, why: "PERSONA_DATA names the folder" };
  if ((options.profile ?? "quick") === "quick") {
    return {
      kind: "sample",
      directory: sampleDirectory,
      why: "the quick profile uses the embedded sample; PERSONA_DATA or the profile full select another corpus",
    };
  }
  const local = join(root, "data/spc");
  if (existsSync(local)) return { kind: "directory", directory: local, why: "data/spc exists" };
  try {
    return {
      kind: "hub",
      directory: await fetchFromHub(options, parts),
      why: "fetched from the Hugging Face hub",
    };
  } catch (error) {
    if (!(error instanceof HubError && error.code === "offline")) throw error;
    return {
      kind: "sample",
      directory: sampleDirectory,
      why: `the embedded sample, not Synthetic-Persona-Chat, because the hub could not be used: ${error.message}. Put the corpus' files into data/spc or name their folder in PERSONA_DATA`,
    };
  }
}

async function fetchFromHub(options: SourceOptions, parts: readonly Part[]): Promise<string> {
  const cacheDirectory = options.cacheDirectory ?? (process.env["PERSONA_CACHE"] || join(root, ".cache/hub"));
  let directory = "";
  for (const part of parts) {
    const path = await downloadFile({
      repo: hubCorpus.repo,
      type: hubCorpus.type,
      file: `${hubCorpus.folder}/${partFiles[part].at(-1)!}`,
      cacheDirectory,
      onProgress: options.onProgress,
      signal: options.signal,
    });
    directory = dirname(path);
  }
  return directory;
}
