import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { decodeText, sha256, writeJson } from "../io";
import { type Format, formats } from "./format";

/** Steps from a JSON file's root to a value in it. */
export type JsonPath = readonly (string | number)[];

/** A value that a paper prints, with where it comes from; or that is missing, with the reason. */
export type SourcedValue =
  | {
      printed: string;
      source: { file: string; sha256: string; path: JsonPath; value: unknown; format: Format };
    }
  | { printed: "missing"; missing: string };

/** The path as a JSON Pointer (RFC 6901): `/variants/0/metrics/rougeL/value`. */
export function toPointer(path: JsonPath): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** What a JSON Pointer leads to; `undefined` where it leads nowhere. */
export function followPointer(json: unknown, pointer: string): unknown {
  const steps = pointer.split("/").slice(1);
  return follow(
    json,
    steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")),
  );
}

function follow(json: unknown, path: JsonPath): unknown {
  let value = json;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** JSON files below one folder, each read once, and their values by reference. */
export class Sources {
  private readonly files = new Map<string, { json: unknown; sha256: string } | { missing: string }>();

  /** @param drafts where folders of `folder` lie while they are written */
  constructor(
    readonly folder: string,
    private readonly drafts: Readonly<Record<string, string>> = {},
  ) {}

  /** Where a file lies now. */
  pathOf(file: string): string {
    const [first, ...rest] = file.split("/");
    return rest.length > 0 && Object.hasOwn(this.drafts, first!)
      ? join(this.drafts[first!]!, ...rest)
      : join(this.folder, file);
  }

  /** A file's content, or `undefined` where there is none or it is no JSON. */
  read(file: string): unknown {
    const found = this.open(file);
    return "json" in found ? found.json : undefined;
  }

  sha256(file: string): string | undefined {
    const found = this.open(file);
    return "sha256" in found ? found.sha256 : undefined;
  }

  /** The value at `path` in `file` (relative to the folder), printed as `format` says. */
  value(file: string, path: JsonPath, format: Format): SourcedValue {
    const found = this.open(file);
    if ("missing" in found) return missing(found.missing);
    const value = follow(found.json, path);
    if (value === undefined || value === null) return missing(`${file} has nothing at ${toPointer(path)}`);
    return {
      printed: formats[format](value),
      source: { file, sha256: found.sha256, path, value, format },
    };
  }

  /** A path as runs note it (from the working directory), relative to the folder; undefined if it is not below it. */
  locate(...path: string[]): string | undefined {
    const way = relative(resolve(this.folder), resolve(...path));
    return way.startsWith("..") || isAbsolute(way) ? undefined : way.split(sep).join("/");
  }

  /** The files that {@link write} wrote. */
  readonly written = new Set<string>();

  /** Writes what a paper computes from other files, so that its values have a file as well. */
  write(file: string, json: unknown): void {
    writeJson(this.pathOf(file), json);
    this.files.delete(file);
    this.written.add(file);
  }

  private open(file: string): { json: unknown; sha256: string } | { missing: string } {
    let found = this.files.get(file);
    if (!found) {
      found = readFile(this.pathOf(file), file);
      this.files.set(file, found);
    }
    return found;
  }
}

export function missing(reason: string): SourcedValue {
  return { printed: "missing", missing: reason };
}

function readFile(path: string, file: string): { json: unknown; sha256: string } | { missing: string } {
  if (!existsSync(path)) return { missing: `there is no ${file}` };
  const bytes = readFileSync(path);
  try {
    return { json: JSON.parse(decodeText(bytes, file)), sha256: sha256(bytes) };
  } catch (error) {
    return { missing: `${file} is not valid JSON (${(error as Error).message})` };
  }
}
