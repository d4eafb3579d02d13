import { existsSync, readdirSync, statSync } from "node:fs";
import { disguise } from "./disguised";

/** Names that are shown of a folder that holds more. */
const SHOWN = 5;

/** What lies at a path where a folder with certain files was looked for: "it is an empty folder", "it holds a.csv". */
export function contentsOf(path: string): string {
  if (!existsSync(path)) return "there is no such folder";
  if (!statSync(path).isDirectory()) {
    const other = disguise(path);
    return other === undefined
      ? "it is a file; name the folder that it lies in"
      : `it is a file, and ${other}`;
  }
  const names = readdirSync(path).sort();
  if (names.length === 0) return "it is an empty folder";
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return `it holds ${names.slice(0, SHOWN).join(", ")}${more}`;
}
