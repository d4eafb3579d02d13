import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { repeat } from "../../scripts/benches/bench";

const root = join(__dirname, "../..");
const bench = (...args: string[]) =>
  spawnSync(process.execPath, ["--require", "tsx/cjs", "scripts/bench.ts", ...args], {
    cwd: root,
    encoding: "utf8",
  });

test("without a name the benches are listed, a wrong name or option gets the list", () => {
  assert.match(bench().stdout, /^corpus$/m);
  const wrong = bench("corpse");
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.stderr, /corpse.*There is: .*corpus/);
  const option = bench("corpus", "--fast");
  assert.notEqual(option.status, 0);
  assert.match(option.stderr, /unknown option '--fast'[^]*--out/);
});

test("repeat warms up, then times the runs asked for", async () => {
  let calls = 0;
  const timing = await repeat(3, () => calls++);
  assert.equal(calls, 4);
  assert.equal(timing.runs, 3);
  assert.ok(timing.min <= timing.median && timing.median <= timing.max);
});
