import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readJson } from "../../src/io/files";
import { CheckpointStore } from "../../src/training/checkpoints";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "checkpoints-"))));
afterEach(() => rmSync(directory, { recursive: true }));

const store = (fingerprint = "run a", keep = 3) => new CheckpointStore(directory, { keep, fingerprint });
const write = (text: string) => (folder: string) => {
  writeFileSync(join(folder, "weights"), text);
  writeFileSync(join(folder, "state"), `state of ${text}`);
};
const latest = (of = store()) => {
  const messages: string[] = [];
  return { found: of.latest((message) => messages.push(message)), messages };
};

test("the newest of the kept checkpoints is found; the best is never rotated away", () => {
  for (const step of [5, 10, 15, 100, 105]) store("run a", 2).save(step, write(`w${step}`), 10);
  assert.deepEqual(store().steps(), [105, 100, 10]);
  assert.equal(readFileSync(join(latest().found!.directory, "weights"), "utf8"), "w105");
});

test("an empty or absent directory has no checkpoint", () => {
  assert.equal(latest().found, undefined);
  rmSync(directory, { recursive: true });
  assert.equal(latest().found, undefined);
  mkdirSync(directory);
});

for (const [fault, damage, message] of [
  [
    "a changed byte",
    (d: string) => writeFileSync(join(d, "weights"), "w3"),
    /checkpoint-2 is not used: weights is damaged/,
  ],
  ["a cut file", (d: string) => truncateSync(join(d, "weights"), 1), /weights has not the 2 bytes/],
  ["a missing file", (d: string) => rmSync(join(d, "state")), /state cannot be read/],
  [
    "a manifest that is no JSON",
    (d: string) => writeFileSync(join(d, "checkpoint.json"), "{"),
    /checkpoint\.json cannot be read/,
  ],
  [
    "a manifest without a version, as the first ones had",
    (d: string) => {
      const { version: _, ...first } = readJson(join(d, "checkpoint.json")) as Record<string, unknown>;
      writeFileSync(join(d, "checkpoint.json"), JSON.stringify(first));
    },
    /checkpoint-2 is not used: another version of this project made it/,
  ],
  [
    "another step's content",
    (d: string) =>
      writeFileSync(join(d, "checkpoint.json"), readFileSync(join(d, "../checkpoint-1/checkpoint.json"))),
    /says that it is of step 1/,
  ],
] as const) {
  test(`${fault} is reported by name, and the checkpoint before is used`, () => {
    store().save(1, write("w1"));
    damage(store().save(2, write("w2")).directory);
    const { found, messages } = latest();
    assert.equal(found?.step, 1);
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, message);
  });
}

test("a checkpoint of another run is refused", () => {
  store("run b").save(1, write("w1"));
  const { found, messages } = latest();
  assert.equal(found, undefined);
  assert.match(messages[0]!, /another model, data or configuration/);
});

test("a save that fails leaves the earlier checkpoints and nothing beside them", () => {
  store().save(1, write("w1"));
  const full = () => {
    throw new Error("ENOSPC: no space left on device");
  };
  assert.throws(
    () => store().save(2, full),
    /checkpoint-2: not saved \(ENOSPC.*earlier checkpoints are untouched/,
  );
  assert.deepEqual(readdirSync(directory), ["checkpoint-1"]);
});

test("a process killed while it saves leaves only whole checkpoints", { timeout: 60_000 }, async () => {
  const program = `
    const { CheckpointStore } = require("./src/training/checkpoints");
    const { writeFileSync } = require("node:fs");
    const store = new CheckpointStore(process.argv[1], { keep: 2, fingerprint: "run a" });
    for (let step = 1; ; step++) store.save(step, (folder) => {
      for (const file of ["a", "b", "c"]) writeFileSync(folder + "/" + file, Buffer.alloc(200_000, step));
      if (step === 1) process.send("started");
    });`;
  for (const delay of [3, 17, 41, 97]) {
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "-e", program, directory], {
      cwd: join(__dirname, "../.."),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await new Promise((resolve) => child.once("message", resolve));
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const { found, messages } = latest();
    assert.deepEqual(messages, []);
    if (found) assert.equal(readFileSync(join(found.directory, "c"))[0], found.step % 256);
    const after = store().save(1_000_000, write("next"));
    assert.deepEqual(latest().found, after);
    assert.ok(readdirSync(directory).every((name) => name.startsWith("checkpoint-")));
    rmSync(directory, { recursive: true });
  }
  mkdirSync(directory);
});

test("keeping no checkpoint is refused", () => {
  assert.throws(() => store("run a", 0), /whole number from 1/);
});
