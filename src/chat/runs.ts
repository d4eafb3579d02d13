import { existsSync, readdirSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

/** What tells an adapter's folder. */
export const ADAPTER_FILE = "adapter_config.json";

/** Folders inside one another that are looked through. */
const DEPTH = 6;

/**
 * The folder of a run's adapter or model in `outputs` (or where `PERSONA_OUTPUTS` says): that of this path there, or the one
 * whose path has this name in it.
 *
 * @throws {Error} if several have
 */
export function findRun(name: string): string | undefined {
  const folders = runFolders();
  const wanted = name.split(/[\\/]/).filter(Boolean);
  const whole = folders.filter(({ parts }) => parts.join() === wanted.join());
  const within = folders.filter(({ parts }) =>
    parts.some((_, at) => wanted.every((part, i) => parts[at + i] === part)),
  );
  const found = whole.length > 0 ? whole : within;
  if (found.length > 1 && wanted.length > 0) {
    const some = found.slice(0, 5).map(({ parts }) => parts.join("/"));
    throw new Error(`${name}: ${found.length} runs have this name; say which: ${some.join(", ")}`);
  }
  return wanted.length > 0 ? found[0]?.path : undefined;
}

/** The names of all runs that left an adapter or a model. */
export function runNames(): string[] {
  return runFolders().map(({ parts }) => parts.join("/"));
}

interface RunFolder {
  readonly path: string;
  /** The way to it from `outputs`. */
  readonly parts: readonly string[];
}

function runFolders(): RunFolder[] {
  const outputs = resolve(process.env["PERSONA_OUTPUTS"] || "outputs");
  return foldersIn(outputs, DEPTH).map((path) => ({ path, parts: relative(outputs, path).split(sep) }));
}

function foldersIn(folder: string, depth: number): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(checkpoint-\d+$|\.)/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name }) => {
      const path = join(folder, name);
      const holds = [ADAPTER_FILE, "config.json"].some((file) => existsSync(join(path, file)));
      return holds ? [path] : depth > 1 ? foldersIn(path, depth - 1) : [];
    });
}
