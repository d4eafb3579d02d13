// npm test: sets up what is missing, checks types and notebooks, and runs every test file (or those whose path holds an argument).
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, sep } from "node:path";
import { root, runNode, setUp } from "./setup.mjs";

/**
 * Folders and files whose tests start kernels, browsers or commands, or take long: each of these files has a process of its own, the longest
 * first. The others of a folder share one, so that TensorFlow.js and the library, which take two seconds to load, are loaded once a folder.
 */
const apart = [
  "notebooks/",
  "jupyter/",
  "scripts/",
  "grid/",
  "engine/",
  "experiments/",
  "data/",
  "export/",
  "figures/",
  "report/",
  "serve/",
  "training/trainer",
  "training/reference/reference",
  "training/recompute",
  "training/objectives/contrastive",
  "training/objectives/ppo",
  "training/alarms/rollouts",
  "models/lora/lora",
  "simulator/write-page",
  "personality/situations",
  "house/surface",
  "hub/download",
];

/** The files of each process, in the order in which processes start. */
function processes(files) {
  const place = (file) => apart.findIndex((part) => file.replaceAll("\\", "/").startsWith(`test/${part}`));
  const own = files.filter((file) => place(file) >= 0).sort((a, b) => place(a) - place(b));
  const folders = new Map();
  for (const file of files.filter((file) => place(file) < 0)) {
    const [, folder] = file.split(sep);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return [...own.map((file) => [file]), ...folders.values()];
}

/** Writes a file that runs these test files, each under its name. */
function writeEntry(path, files) {
  const lines = files.map(
    (file) => `describe(${JSON.stringify(file)}, () => void require(${JSON.stringify(join(root, file))}));`,
  );
  writeFileSync(path, ['const { describe } = require("node:test");', ...lines, ""].join("\n"));
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
if (wanted.length === 0) {
  const status = await runNode("--import", "tsx", "scripts/check.ts");
  if (status !== 0) process.exit(status);
}
const folder = mkdtempSync(join(tmpdir(), "tests-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const entries = processes(files).map((own, i) => {
  const entry = join(folder, `${String(i).padStart(3, "0")}.cjs`);
  writeEntry(entry, own);
  return entry;
});
// The whole suite ends with a list of what failed; a few tests keep the runner's own choice of form.
const form = wanted.length === 0 ? ["--test-reporter=spec"] : [];
// As many processes at a time as there are cores: most of them wait for kernels, browsers and other children as much as they compute.
const atOnce = `--test-concurrency=${availableParallelism()}`;
process.exit(
  await runNode(
    "--import",
    "tsx",
    "--require",
    "./test/properties.cjs",
    "--test",
    atOnce,
    ...form,
    ...entries,
  ),
);
