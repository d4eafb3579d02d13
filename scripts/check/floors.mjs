// The order of the house: the linter shows a break in the editor and in `npm run check`, test/house/floors.test.ts in all
// files at once. Plain JavaScript, so that ESLint reads it without a compiler.
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The folders of src from the ground up: each imports from those before it. `docs/architecture.md` draws them. */
export const floors = [
  ...["random", "text", "io", "display", "hub", "chat-api", "web"],
  ...["figures", "paper"],
  ...["tensors", "engine"],
  ...["corpus", "sql", "metrics", "prompts", "retrieval", "statistics"],
  ...["models"],
  ...["generation", "likelihood", "judges", "rewards", "training", "pretraining", "export", "embedding"],
  ...["scorers"],
  ...["settings", "evaluation", "baselines", "notebook"],
  ...["experiments", "analysis"],
  ...["chat"],
  ...["simulator", "personality", "synthesis", "alignment"],
  ...["serve", "writing", "grid", "report"],
];

/**
 * The file that a relative import names.
 * @param {string} file the path of the file that imports
 * @param {string} name as the import has it: `../tensors`
 */
export function importedFile(file, name) {
  const path = resolve(dirname(file), name);
  return [`${path}.ts`, join(path, "index.ts")].find((one) => existsSync(one)) ?? path;
}

/**
 * What is wrong with an import between two files of the project; nothing, if it may be.
 * @param {string} file the path of the file that imports
 * @param {string} target the path of the file that is imported
 * @returns {string | undefined}
 */
export function importFault(file, target) {
  const isIndex = target.endsWith(`${sep}index.ts`);
  const [part, own, ...below] = relative(root, file).split(sep);
  const [targetPart, floor, ...rest] = relative(root, target).split(sep);
  if (part === "test" && targetPart === "src" && isIndex) return "a test imports the files that it tests";
  if (part !== "src") return undefined;
  if (targetPart !== "src") return "src imports nothing that lies beside it";
  if (below.length === 0 || own === floor) return undefined;
  if (rest.length === 0) return "a folder of src imports no file above it";
  if (floors.indexOf(floor) > floors.indexOf(own)) return `${floor} is no lower floor than ${own}`;
  return isIndex ? undefined : `${floor} is imported through its index, or that of a folder in it`;
}
