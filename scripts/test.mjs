// npm test: sets up what is missing, type-checks, and runs every test file (or those whose path holds an argument).
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

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
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
if (wanted.length === 0) {
  const status = run(["node_modules/typescript/bin/tsc", "--noEmit"]);
  if (status !== 0) process.exit(status);
}
process.exit(run(["--import", "tsx", "--test", ...files]));
