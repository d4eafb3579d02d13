// npm test: sets up what is missing, checks types and notebooks, and runs every test file (or those whose path holds an argument).
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root, runNode, setUp } from "./setup.mjs";

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
// The whole suite ends with a list of what failed; a few tests keep the runner's own choice of form.
const form = wanted.length === 0 ? ["--test-reporter=spec"] : [];
// As many files at a time as there are cores: most of them wait for kernels, browsers and other children as much as they compute.
const atOnce = `--test-concurrency=${availableParallelism()}`;
process.exit(
  await runNode("--import", "tsx", "--require", "./test/properties.cjs", "--test", atOnce, ...form, ...files),
);
