// npm test: sets up what is missing, checks types and notebooks, and runs every test file (or those whose path holds an argument).
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, sep } from "node:path";
import { root, runNode, setUp } from "./setup.mjs";

/**
 * Folders whose tests take long: each has a process, the longest first. All others share one, which begins with them. A process loads
 * TensorFlow.js and the library once, which takes two seconds.
 */
const long = [
  "notebooks",
  "scripts",
  "jupyter",
  "grid",
  "training",
  "engine",
  "experiments",
  "models",
  "data",
  "report",
  "figures",
];

/** The files of each process, in the order in which processes start. */
function processes(files) {
  const folderOf = (file) => file.split(sep)[1];
  const others = files.filter((file) => !long.includes(folderOf(file)));
  const folders = long.map((folder) => files.filter((file) => folderOf(file) === folder));
  return [others, ...folders].filter((own) => own.length > 0);
}

/** Writes a file that runs these test files, each under its name. Modules that import one another are loaded in the library's own order. */
function writeEntry(path, files) {
  const requirer = (file) => `require(${JSON.stringify(join(root, file))})`;
  const lines = files.map((file) => `describe(${JSON.stringify(file)}, () => void ${requirer(file)});`);
  const first = files.length > 1 ? [`${requirer("src/index.ts")};`] : [];
  writeFileSync(path, ['const { describe } = require("node:test");', ...first, ...lines, ""].join("\n"));
}

setUp();
const wanted = process.argv.slice(2);
const files = readdirSync(join(root, "test"), { recursive: true })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => join("test", file))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(" ")}`);
  process.exit(1);
}
// Beside the tests, which leave a part of the processor idle.
const checking = wanted.length === 0 ? runNode("--import", "tsx", "scripts/check.ts") : 0;
const folder = mkdtempSync(join(tmpdir(), "tests-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const entries = processes(files).map((own, i) => {
  const entry = join(folder, `${String(i).padStart(3, "0")}.cjs`);
  writeEntry(entry, own);
  return entry;
});
// The whole suite ends with a list of what failed; a few tests keep the runner's own choice of form.
const form = wanted.length === 0 ? ["--test-reporter=spec"] : [];
// One process more than there are cores: most of them wait for kernels, browsers and other children as much as they compute.
const atOnce = `--test-concurrency=${availableParallelism() + 1}`;
const tested = await runNode(
  "--import",
  "tsx",
  "--require",
  "./test/properties.cjs",
  "--test",
  atOnce,
  ...form,
  ...entries,
);
const checked = await checking;
if (checked !== 0) console.error("types, rules, form or notebooks are not in order: npm run check says what");
process.exit(tested || checked);
