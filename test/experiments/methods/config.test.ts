import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseRows } from "../../../src/corpus/rows";
import { checkConfig, fieldsOf } from "../../../src/experiments/methods/config";
import { methods } from "../../../src/experiments/methods/methods";
import { sft } from "../../../src/experiments/methods/sft";

const needed = { model: "m", data: "d.jsonl", output: "out" };
const refused = (value: unknown, problem: RegExp) =>
  assert.throws(
    () => checkConfig(sft, value, "mine.json"),
    (error: Error) => {
      assert.match(error.message, /^mine\.json: /);
      assert.match(error.message, problem);
      return true;
    },
  );

test("what is left out has the method's default, else the setting's own", () => {
  const config = checkConfig(sft, needed, "mine.json");
  assert.deepEqual(
    [
      config["learningRate"],
      config["schedule"],
      config["trainHead"],
      config["batchSize"],
      config["saveSteps"],
    ],
    [2e-4, "linear", false, 8, 50],
  );
  assert.ok(!("maxSteps" in config) && !("epochs" in config) && !("validation" in config));
  assert.equal(checkConfig(sft, { ...needed, maxSteps: 3 }, "mine.json")["maxSteps"], 3);
});

test("every field that is unknown, missing or of another kind is named", () => {
  refused(
    { ...needed, learningrate: 1 },
    /"learningrate": there is no such name\. Did you mean learningRate\?/,
  );
  refused({ ...needed, batchSize: 0, rank: 1.5 }, /not 1\.5, at rank[\s\S]*not 0, at batchSize/);
  refused({ model: "m" }, /there is no output[\s\S]*there is no data/);
  refused({ ...needed, loss: "cross" }, /"nll"\|"dft".*at loss/);
  refused(
    { ...needed, maxSteps: 3, epochs: 2 },
    /epochs and maxSteps both say how long to train: leave out one/,
  );
  refused({ ...needed, adapter: "a", rank: 4 }, /rank goes with a new adapter; that of adapter has its own/);
  refused([], /expected object/);
  refused(null, /expected object/);
});

test("every method says what it can be told, and its example is a configuration", () => {
  for (const method of methods) {
    const fields = fieldsOf(method);
    assert.deepEqual([...new Set(fields.map(({ name }) => name))].length, fields.length);
    for (const { name, meaning } of fields) assert.match(meaning, /\w/, `${method.name}: ${name}`);
    const config = checkConfig(method, method.example, "example");
    for (const [name, value] of Object.entries(method.example)) assert.deepEqual(config[name], value);
    for (const { name, isRequired } of fields)
      if (isRequired) assert.ok(name in method.example, `${method.name}: ${name}`);
  }
});

test("the docs' rows are rows, their configuration is one, and what they say is refused is", () => {
  const docs = readFileSync(join(__dirname, "../../../docs/own-data.md"), "utf8");
  const blocks = (language: string) =>
    [...docs.matchAll(new RegExp(`\\x60{3}${language}\\n([^\\x60]*)\\n\\x60{3}`, "g"))].map(
      ([, block]) => block!,
    );
  const [rows, , refusal] = blocks("text");
  const forms = ["completion", "conversation"] as const;
  const { form, rows: read } = parseRows(Buffer.from(rows!), "keeper.jsonl", forms);
  assert.deepEqual([form, read.length], ["conversation", 2]);
  const [config] = blocks("json");
  assert.equal(checkConfig(sft, JSON.parse(config!), "keeper.json")["maxSteps"], 24);
  const wrong = `${rows}\n${rows!.split("\n")[0]!.replace('"user"', '"human"')}`;
  assert.throws(() => parseRows(Buffer.from(wrong), "keeper.jsonl", forms), { message: refusal! });
});
