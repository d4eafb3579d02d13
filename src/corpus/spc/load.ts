import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { contentsOf } from "../../io";
import { readPart } from "./read";
import { type CorpusSource, findCorpus, type SourceOptions } from "./source";
import { buildSmallSplits, randomSplits } from "./splits";
import { type Part, partFiles, type PartReport, type SpcRow, splitNames, type Splits } from "./types";

export interface CorpusOptions extends SourceOptions {
  /**
   * `"official"`, or `"8:1:1"`: the three official parts thrown together, shuffled by `seed` and cut 8:1:1.
   * @default "official"
   */
  splits?: "official" | "8:1:1";
  /** Draw only so many conversations from each split ({@link buildSmallSplits}), by `seed`. */
  small?: { nTrain: number; nVal: number; nTest: number };
  /**
   * Seed of the random choices above.
   * @default 13
   */
  seed?: number;
  /**
   * Also read the second part, the conversations with new personas (the sample has none).
   * @default false
   */
  newPersona?: boolean;
}

export interface Corpus {
  /** Where it came from, and why from there. */
  source: CorpusSource;
  splits: Splits;
  /** The second part, where it was asked for; it belongs to no split. */
  newPersona: SpcRow[];
  /** What was read, a file each, and everything odd in it. */
  files: PartReport[];
}

/**
 * Reads Synthetic-Persona-Chat, or the embedded sample in its form ({@link findCorpus} says which):
 * `(await loadCorpus({ directory: "data/spc" })).splits.train[0].turns`.
 *
 * @throws {Error} if a file is missing, or {@link CsvError} naming file and line if one is malformed or
 *   hardly any of its conversations has turns
 */
export async function loadCorpus(options: CorpusOptions = {}): Promise<Corpus> {
  const { seed = 13 } = options;
  const wanted: Part[] = options.newPersona ? [...splitNames, "new-persona"] : [...splitNames];
  const source = await findCorpus(options, wanted);
  const parts = source.kind === "sample" ? splitNames : wanted;
  const read = parts.map((part) => readPart(findPart(source.directory, part), part));
  const [train, valid, test, newPersona] = read.map(({ rows }) => rows);
  let splits: Splits = { train: train!, valid: valid!, test: test! };
  if (options.splits === "8:1:1") {
    const all = splitNames.flatMap((name) => splits[name]);
    splits = randomSplits(all, seed);
  }
  if (options.small) {
    const { nTrain, nVal, nTest } = options.small;
    splits = buildSmallSplits(splits, nTrain, nVal, nTest, seed);
  }
  const files = read.map(({ report }) => report);
  return {
    source: { ...source, why: source.why + remarks(files) },
    splits,
    newPersona: newPersona ?? [],
    files,
  };
}

/** What a reader should know of files that are read although they are unlike the corpus'. */
function remarks(files: readonly PartReport[]): string {
  const others = [...new Set(files.map(({ delimiter }) => delimiter))].filter((one) => one !== ",");
  return others
    .map((delimiter) => {
      const names = files.filter((file) => file.delimiter === delimiter).map(({ path }) => basename(path));
      return `; fields are separated by ${JSON.stringify(delimiter)}, not by commas, in ${names.join(", ")}`;
    })
    .join("");
}

/**
 * Where a part's file lies in a directory.
 *
 * @throws {Error} naming the files that were looked for, if there is none
 */
export function findPart(directory: string, part: Part): string {
  const candidates = partFiles[part].flatMap((name) => [name, `${name}.gz`]);
  const isFile = (path: string) => existsSync(path) && statSync(path).isFile();
  const found = candidates.map((name) => join(directory, name)).find(isFile);
  if (found) return found;
  throw new Error(
    `${directory}: no file for the part "${part}" (looked for ${candidates.join(", ")}): ${contentsOf(directory)}; ` +
      "a corpus' folder has a CSV file (UTF-8) for each of train, valid and test",
  );
}
