import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { defaultDevice } from "../../src/engine/devices";
import { type Manifest, startRun } from "../../src/notebook/run";

let folder: string;
const log = console.log;
const printed: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "run-"));
  process.env["PERSONA_OUTPUTS"] = folder;
  console.log = (text: string) => void printed.push(text);
});
afterEach(() => {
  console.log = log;
  printed.length = 0;
  delete process.env["PERSONA_OUTPUTS"];
  delete process.env["N_TEST"];
  rmSync(folder, { recursive: true });
});

const declared = { PROFILE: "quick", SEED: 13, N_TEST: 20, NAME: "a" };
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const manifestOf = (name: string) =>
  JSON.parse(readFileSync(join(folder, name, "manifest.json"), "utf8")) as Manifest;

test("the manifest records inputs, parameters in effect and the files that the run left, not older ones", async () => {
  mkdirSync(join(folder, "04-x/sub"), { recursive: true });
  writeFileSync(join(folder, "04-x/old.txt"), "old");
  writeFileSync(join(folder, "04-x/sub/again.txt"), "same");
  writeFileSync(join(folder, "read.txt"), "input");
  process.env["N_TEST"] = "7";

  const run = startRun("04-x", declared);
  assert.equal(run.parameters.N_TEST, 7);
  assert.equal(declared.N_TEST, 20);
  assert.equal(await run.input(join(folder, "read.txt")), join(folder, "read.txt"));
  writeFileSync(run.path("sub/again.txt"), "new");
  writeFileSync(run.path("deep", "er", "b.json"), "{}");
  writeFileSync(run.shared("summary.json"), "[]");
  await run.finish();

  const manifest = manifestOf("04-x");
  assert.deepEqual(manifest.parameters, { ...declared, N_TEST: 7 });
  assert.deepEqual([manifest.profile, manifest.seed], ["quick", 13]);
  assert.deepEqual(
    manifest.files.map((file) => [file.path.slice(folder.length + 1), file.sha256]),
    [
      ["04-x/deep/er/b.json", sha256("{}")],
      ["04-x/sub/again.txt", sha256("new")],
      ["summary.json", sha256("[]")],
    ],
  );
  assert.deepEqual(manifest.inputs, [{ path: join(folder, "read.txt"), bytes: 5, sha256: sha256("input") }]);
  assert.equal(manifest.versions["node"], process.versions.node);
  assert.match(
    printed.join(),
    /04-x \(quick\) took .* left\n.*b\.json\n.*again\.txt\n.*summary\.json\n.*manifest/,
  );
});

test("the manifest says who was asked and what that took in this run, and the reader is told in a line each", async () => {
  const source = {
    name: "a model (http://127.0.0.1:1/v1)",
    spent: { requests: 2, promptTokens: 100, completionTokens: 10, money: 0.5 as number | undefined },
  };
  const free = { name: "free", spent: { ...source.spent, money: undefined } };
  const run = startRun("08", declared);
  assert.equal(run.asks(source), source);
  run.asks(free);
  source.spent = { requests: 5, promptTokens: 12_100, completionTokens: 30, money: 0.75 };
  assert.equal(run.asks(source), source);
  await run.finish();
  assert.deepEqual(manifestOf("08").asked, [
    { name: source.name, requests: 3, promptTokens: 12_000, completionTokens: 20, money: 0.25 },
    { name: "free", requests: 0, promptTokens: 0, completionTokens: 0 },
  ]);
  assert.deepEqual(printed.slice(-2), [
    "asked a model (http://127.0.0.1:1/v1): 3 requests, 12,000 tokens asked and 20 answered, cost 0.2500",
    "asked free: 0 requests, 0 tokens asked and 0 answered",
  ]);
  await startRun("09", declared).finish();
  assert.deepEqual(manifestOf("09").asked, []);
});

test("symbolic links are inputs and outputs like what they point to, as in a Hugging Face cache", async () => {
  mkdirSync(join(folder, "cache/blobs"), { recursive: true });
  mkdirSync(join(folder, "cache/snapshots/main/sub"), { recursive: true });
  writeFileSync(join(folder, "cache/blobs/abc"), "weights");
  const snapshot = join(folder, "cache/snapshots/main");
  symlinkSync("../../blobs/abc", join(snapshot, "model.safetensors"));
  symlinkSync("../../../blobs", join(snapshot, "sub/blobs"));
  symlinkSync("..", join(snapshot, "sub/above"));
  symlinkSync("nowhere", join(snapshot, "dangling"));

  const run = startRun("06", declared);
  await run.input(snapshot);
  symlinkSync(join(folder, "cache/blobs/abc"), run.path("linked.bin"));
  symlinkSync(join(folder, "cache/blobs"), run.path("linked-folder"));
  await run.finish();
  const { inputs, files } = manifestOf("06");
  const record = (path: string) => ({ path: join(folder, path), bytes: 7, sha256: sha256("weights") });
  assert.deepEqual(inputs, [
    record("cache/snapshots/main/model.safetensors"),
    record("cache/snapshots/main/sub/blobs/abc"),
  ]);
  assert.deepEqual(files, [record("06/linked-folder/abc"), record("06/linked.bin")]);
  await assert.rejects(run.input(join(snapshot, "dangling")), /dangling: no such file or folder/);
});

test("what a killed process left unfinished is neither input nor output", async () => {
  const run = startRun("06-x", declared);
  const model = join(folder, "model");
  for (const place of [run.directory, model]) {
    mkdirSync(join(place, ".report-4194305.tmp"), { recursive: true });
    for (const name of ["kept.json", ".4194305-0123abcd.tmp", ".report-4194305.tmp/report.tex"])
      writeFileSync(join(place, name), name);
  }
  await run.input(model);
  await run.finish();
  const manifest = manifestOf("06-x");
  for (const files of [manifest.inputs, manifest.files])
    assert.deepEqual(
      files.map(({ path }) => basename(path)),
      ["kept.json"],
    );
});

test("a run that has not come to its end has no manifest, even where an earlier one had", async () => {
  await startRun("05", declared).finish();
  startRun("05", declared);
  assert.throws(() => manifestOf("05"), /ENOENT/);
});

test("paths stay inside the folder of the run", () => {
  const run = startRun("a", declared);
  for (const path of ["../b", "/etc/passwd", "x/../../y", ""]) {
    assert.throws(() => run.path(path), /not a path inside/, path);
  }
  assert.throws(() => startRun("../a", declared), /not a path inside/);
  assert.equal(run.path("..b"), join(folder, "a", "..b"));
});

test("DEVICE says where models run from then on, and a device that does not exist is refused", (t) => {
  const before = process.env["DEVICE"];
  t.after(() => {
    if (before === undefined) delete process.env["DEVICE"];
    else process.env["DEVICE"] = before;
  });
  delete process.env["DEVICE"];
  startRun("a", { ...declared, DEVICE: "tfjs-wasm" });
  assert.equal(defaultDevice(), "tfjs-wasm");
  process.env["DEVICE"] = "tfjs-cpu";
  assert.equal(startRun("a", { ...declared, DEVICE: "cpu" }).parameters.DEVICE, "tfjs-cpu");
  assert.equal(defaultDevice(), "tfjs-cpu");
  startRun("a", declared);
  assert.equal(defaultDevice(), "tfjs-cpu");
  delete process.env["DEVICE"];
  assert.throws(
    () => startRun("a", { ...declared, DEVICE: "gpu" }),
    /there is no device "gpu": use cpu, webgpu/,
  );
});

test("an override that does not fit, a profile that does not exist and a missing input are refused", async () => {
  process.env["N_TEST"] = "many";
  assert.throws(() => startRun("a", declared), /N_TEST=many: N_TEST takes a number \(the notebook has 20\)/);
  delete process.env["N_TEST"];
  assert.throws(() => startRun("a", { ...declared, PROFILE: "fast" }), /the profiles are quick, full/);
  await assert.rejects(startRun("a", declared).input("no/such"), /no\/such: no such file .*an input of a/);
});
