import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { filesOf, sha256 } from "../../io";
import { projectFolder } from "../job";

/** What tells versions of this project apart: a checksum of its sources and of the versions of its dependencies. */
export function projectCode(): string {
  const sources = filesOf(join(projectFolder, "src")).filter((path) => path.endsWith(".ts"));
  const files = [...sources, join(projectFolder, "package-lock.json")].map((path) => {
    const name = relative(projectFolder, path).split(sep).join("/");
    // Line ends may be the checkout's own.
    return `${name} ${sha256(readFileSync(path, "utf8").replaceAll("\r\n", "\n"))}`;
  });
  return sha256(files.sort().join("\n"));
}
