import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";

test("a program that npm runs is told to end when its parent is", { timeout: 60_000 }, async () => {
  const program =
    'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1e3); console.log("up")';
  const parent = `import("./scripts/setup.mjs").then((m) => m.runNode("-e", ${JSON.stringify(program)})).then(process.exit)`;
  const child = spawn(process.execPath, ["-e", parent], { cwd: join(__dirname, "../..") });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [7, null]);
});
