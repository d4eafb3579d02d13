import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { sailorRows, tinyConfig, writeRows } from "../experiments/methods/tiny-sft";

const folder = mkdtempSync(join(tmpdir(), "train-script-"));
after(() => rmSync(folder, { recursive: true }));
const place = { cwd: join(__dirname, "../.."), env: { ...process.env, HF_HUB_OFFLINE: "1" } };
const parts = (...words: string[]) => ["--require", "tsx/cjs", "scripts/train.ts", ...words];
const train = (...words: string[]) =>
  spawnSync(process.execPath, parts(...words), { ...place, encoding: "utf8" });

/** Writes a configuration, and gives its path. */
function configured(name: string, change: Parameters<typeof tinyConfig>[1] = {}): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(tinyConfig(folder, { output: join(folder, name), ...change })));
  return path;
}

test("a configuration becomes an adapter, and how to talk with it is said", () => {
  const { status, stdout, stderr } = train("sft", configured("whole", { maxSteps: 3 }));
  assert.equal(status, 0, stderr);
  assert.match(stdout, /14 examples[\s\S]*estimated: [\s\S]*3 steps in [\s\S]*The adapter is in .*whole\n/);
  assert.match(stdout, /npm run chat -- .*model --adapter .*whole {3}# talks with it\n$/);
  assert.ok(existsSync(join(folder, "whole/adapter_model.safetensors")));
  const { rank: _, alpha: __, ...further } = tinyConfig(folder, { maxSteps: 1 });
  const path = join(folder, "further.json");
  writeFileSync(
    path,
    JSON.stringify({ ...further, adapter: join(folder, "whole"), output: join(folder, "further") }),
  );
  assert.equal(train("sft", path).status, 0);
});

test(
  "Ctrl-C saves and says how to go on; the same command ends as if nothing had been",
  { timeout: 120_000 },
  async () => {
    const weights = (name: string) => readFileSync(join(folder, name, "adapter_model.safetensors"));
    const maxSteps = 60;
    assert.equal(train("sft", configured("straight", { maxSteps })).status, 0);
    const path = configured("cut", { maxSteps });
    const child = spawn(process.execPath, parts("sft", path), place);
    let [said, errors] = ["", ""];
    child.stdout.on("data", (data) => (said += data));
    child.stderr.on("data", (data) => (errors += data));
    const log = join(folder, "cut/training_log.jsonl");
    while (!existsSync(log) || readFileSync(log, "utf8").split("\n").length < 4)
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGINT");
    const [code] = await new Promise<[number | null]>((resolve) =>
      child.once("exit", (...given) => resolve(given as never)),
    );
    assert.equal(code, 130, said + errors);
    assert.match(errors, /Stopping after the step in progress, which is saved/);
    assert.match(said, /stopped after step \d+, saved in .*cut; run the same command to go on\n$/);
    const { status, stdout } = train("sft", path);
    assert.equal(status, 0);
    assert.match(stdout, /resumed from .*checkpoint-\d/);
    assert.deepEqual(weights("cut"), weights("straight"));
  },
);

test("what is wrong is said in a line, without a trace", () => {
  const fails = (message: RegExp, ...words: string[]) => {
    const { status, stderr, stdout } = train(...words);
    assert.equal(status, 1, stdout);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
  };
  fails(/Did you mean learningRate\?/, "sft", configured("wrong", { learnRate: 1 }));
  const bad = writeRows(join(folder, "bad.jsonl"), [
    ...sailorRows(2),
    { messages: [{ role: "human", content: "a" }] },
  ]);
  fails(
    /bad\.jsonl, line 3: messages\[0\]\.role: must be .*write "user"/,
    "sft",
    configured("bad", { data: bad }),
  );
  fails(/none\.json/, "sft", join(folder, "none.json"));
  fails(/unknown command 'stf'[\s\S]*Did you mean sft\?/, "stf", "x.json");
  assert.ok(!existsSync(join(folder, "bad/train.json")) && !existsSync(join(folder, "wrong")));
});

test("the help lists the methods, and of a method every field", () => {
  assert.match(train("--help").stdout, /sft \[options\] <config>/);
  const { stdout } = train("sft", "--help");
  assert.match(stdout, /\n {2}data {2}\(needed\)\n {6}the JSONL file to learn from\n/);
  assert.match(stdout, /\n {2}learningRate {2}\(default 0\.0002\)\n/);
  assert.match(stdout, /"model": "HuggingFaceTB\/SmolLM2-135M-Instruct"/);
});
