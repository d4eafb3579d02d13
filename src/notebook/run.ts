import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type AskedSource, describeSpent, type Spent, spentSince } from "../chat-api";
import { display, formatDuration } from "../display";
import { useDevice } from "../engine";
import { filesOf, makeFolder, removeFile, sha256File, shownPath, writeJson } from "../io";
import type { Profile } from "../settings";
import { applyEnvironment, type Parameters } from "./parameters";

/** A file with what identifies its content. */
export interface FileRecord {
  path: string;
  bytes: number;
  sha256: string;
}

/** Who was asked, and what that took in this run. */
export interface AskedRecord extends Spent {
  readonly name: string;
}

/** What `manifest.json` says about a run. Times are ISO 8601. */
export interface Manifest {
  name: string;
  profile: Profile;
  seed: number;
  parameters: Parameters;
  started: string;
  finished: string;
  seconds: number;
  versions: Record<string, string>;
  inputs: FileRecord[];
  files: FileRecord[];
  /** Models that were asked through the run's `asks`; none where nobody was. */
  asked: AskedRecord[];
}

/** A run of a notebook: its parameters in effect, where its files go, and the record of what it read and left. */
export interface Run<P extends Parameters = Parameters> {
  readonly name: string;
  readonly profile: Profile;
  readonly seed: number;
  /** The parameters in effect, those from the environment included. */
  readonly parameters: Readonly<P>;
  /** The folder for this notebook's files: `outputs/<name>`, or `<name>` in the folder that `--out` gives. */
  readonly directory: string;
  /** A path in {@link directory}; leaving it (`..`) is refused. Folders are made. */
  path(...parts: string[]): string;
  /** A path beside the notebooks' folders, for what later notebooks read (`outputs/stage3_summary.json`). */
  shared(...parts: string[]): string;
  /** Records a file, or every file of a folder, as an input of the run, and returns its path. */
  input(path: string): Promise<string>;
  /**
   * Notes that a model is asked, and returns it: what that takes from now on stands in the manifest, and in a line for the reader at
   * the end. A cache is put around what this returns, so that what it answers costs nothing.
   */
  asks<S extends AskedSource>(source: S): S;
  /** Writes `manifest.json` into {@link directory} and lists the files that the run left. */
  finish(): Promise<void>;
}

/**
 * Begins a notebook's run. The parameters are those of its cell tagged `parameters`; a parameter that the environment
 * also names is taken from there, read as the type it has in the notebook. `PERSONA_OUTPUTS` is the folder for outputs
 * (`outputs` unless it is set); the command line's `--set` and `--out` arrive here. Where there is a parameter `DEVICE`, models run
 * there from now on.
 *
 * @param name the notebook's file name without `.ipynb`
 * @throws {Error} if an override does not fit its parameter
 * @example
 * // In the cell tagged "parameters":
 * const parameters = { PROFILE: "quick", SEED: 13, N_TEST: 20 };
 * // In the next cell:
 * import { startRun, showTable } from "./src/index";
 * const run = startRun("03-baselines", parameters);
 * // …and so on; tables and files:
 * showTable(rows, { caption: "Scores on the test split" });
 * writeCsv(run.path("scores.csv"), rows);
 * // In the last cell:
 * await run.finish();
 */
export function startRun<P extends Parameters>(name: string, parameters: P): Run<P> {
  const started = new Date();
  const inEffect = Object.freeze(applyEnvironment(parameters, process.env));
  if (inEffect.DEVICE !== undefined) useDevice(String(inEffect.DEVICE));
  const outputs = resolve(process.env["PERSONA_OUTPUTS"] || "outputs");
  const directory = inside(outputs, [name]);
  const manifestPath = join(directory, "manifest.json");
  makeFolder(directory);
  removeFile(manifestPath); // A manifest stands for a run that came to its end.
  const before = new Map<string, string>();
  const places = new Set<string>();
  const inputs = new Map<string, FileRecord>();
  const asked = new Map<AskedSource, Spent>();

  const watch = (place: string) => {
    if (places.has(place)) return;
    places.add(place);
    for (const file of filesOf(place)) if (!before.has(file)) before.set(file, stamp(file));
  };
  watch(directory);

  const run: Run<P> = {
    name,
    profile: inEffect.PROFILE as Profile,
    seed: inEffect.SEED,
    parameters: inEffect,
    directory,
    path: (...parts) => {
      const path = inside(directory, parts);
      makeFolder(dirname(path));
      return path;
    },
    shared: (...parts) => {
      const path = inside(outputs, parts);
      makeFolder(dirname(path));
      watch(path);
      return path;
    },
    input: async (path) => {
      if (!existsSync(path)) throw new Error(`${path}: no such file or folder (an input of ${name})`);
      for (const file of filesOf(path)) inputs.set(resolve(file), await record(file));
      return path;
    },
    asks: (source) => {
      if (!asked.has(source)) asked.set(source, source.spent);
      return source;
    },
    finish: async () => {
      const left = new Set([...places].flatMap((place) => filesOf(place)));
      left.delete(manifestPath);
      const changed = [...left].filter((file) => before.get(file) !== stamp(file)).sort();
      const files: FileRecord[] = [];
      for (const file of changed) files.push(await record(file));
      const finished = new Date();
      const manifest: Manifest = {
        name,
        profile: run.profile,
        seed: run.seed,
        parameters: inEffect,
        started: started.toISOString(),
        finished: finished.toISOString(),
        seconds: (finished.getTime() - started.getTime()) / 1000,
        versions: versions(),
        inputs: [...inputs.values()],
        files,
        asked: [...asked].map(([source, before]) => ({
          name: source.name,
          ...spentSince(before, source.spent),
        })),
      };
      writeJson(manifestPath, manifest);
      const list = [...files.map(({ path }) => path), shownPath(manifestPath)]
        .map((path) => `  ${path}`)
        .join("\n");
      console.log(`${name} (${run.profile}) took ${formatDuration(manifest.seconds)} and left\n${list}`);
      for (const { name, ...spent } of manifest.asked) console.log(`asked ${name}: ${describeSpent(spent)}`);
    },
  };
  const settings = Object.entries(inEffect).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  display({ "text/plain": `Run ${name}: ${settings.join(", ")}; files go to ${shownPath(directory)}` });
  return run;
}

function inside(folder: string, parts: readonly string[]): string {
  const path = resolve(folder, ...parts);
  const way = relative(folder, path);
  if (way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) {
    throw new Error(`${join(...parts)}: not a path inside ${shownPath(folder)}`);
  }
  return path;
}

/** Changes when a file is written again (files are replaced whole, so the inode changes too). */
function stamp(file: string): string {
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
}

async function record(file: string): Promise<FileRecord> {
  return { path: shownPath(file), bytes: statSync(file).size, sha256: await sha256File(file) };
}

function versions(): Record<string, string> {
  const file = join(__dirname, "../../package.json");
  const { version, dependencies } = JSON.parse(readFileSync(file, "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
  };
  return { node: process.versions.node, project: version, ...dependencies };
}
