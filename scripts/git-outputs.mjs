// Whether git sees the notebooks' outputs: npm run lab -- --clean-outputs, and --keep-outputs to undo it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const filter = "notebook-outputs";

export const outputsHelp = `npm run lab -- --clean-outputs  tells git, in this clone, to leave the notebooks' outputs out of commits
npm run lab -- --keep-outputs   undoes that`;

/**
 * Sets up, or removes, the filter of clean-outputs.mjs for `notebooks/` in the repository that `folder` is in: one section
 * in its configuration and one line in its info/attributes, none of which is committed.
 *
 * @returns what was done, in words
 */
export function setOutputs(wanted, folder) {
  const git = (...args) => execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: "pipe" }).trim();
  let prefix;
  try {
    prefix = git("rev-parse", "--show-prefix");
  } catch {
    throw new Error(`${folder} is in no git repository, so there is nothing to set up`);
  }
  const attributes = resolve(folder, git("rev-parse", "--git-path", "info/attributes"));
  const before = existsSync(attributes) ? readFileSync(attributes, "utf8") : "";
  const others = before.split("\n").filter((line) => !line.endsWith(` filter=${filter}`) && line !== "");
  // Quoted, with nothing but our own star as a pattern: folders may have spaces and brackets in their names.
  const place = JSON.stringify(`${prefix.replace(/[\\*?[\]]/g, "\\$&")}notebooks/*.ipynb`);
  const own = `${place} filter=${filter}`;
  const lines = wanted === "clean" ? [...others, own] : others;
  if (wanted === "clean") {
    git("config", `filter.${filter}.clean`, `node "${prefix}scripts/clean-outputs.mjs"`);
  } else if (before.includes(` filter=${filter}`)) {
    git("config", "--remove-section", `filter.${filter}`);
  }
  mkdirSync(dirname(attributes), { recursive: true });
  writeFileSync(attributes, lines.map((line) => `${line}\n`).join(""));
  return wanted === "clean"
    ? "git leaves the outputs of notebooks/ out of commits from now on; the files keep them. " +
        "A notebook that git status lists for its outputs alone is quiet after git add.\n" +
        "To undo it: npm run lab -- --keep-outputs"
    : "git sees the outputs of notebooks/ again, as any other change.";
}
