import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadBase } from "../../src/experiments/base";
import { needParameter } from "../../src/models/layers/weights";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { randomT5, TINY } from "../models/tiny";

test("the weights of the base stay in their files until one is asked for", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "base-"));
  const model = randomT5({ ...TINY, vocabSize: 8000 }, 5);
  writeModelDirectory(directory, model, { tokenizerFrom: embeddedTokenizer });
  process.env["PERSONA_MODEL"] = directory;
  t.after(() => {
    delete process.env["PERSONA_MODEL"];
    rmSync(directory, { recursive: true });
  });
  const [opened, read] = [t.mock.method(fs, "openSync"), t.mock.method(fs, "readSync")];
  const { checkpoint, source } = await loadBase("full");
  const path = join(directory, "model.safetensors");
  const file = opened.mock.calls.find(({ arguments: [name] }) => name === path)!.result;
  const bytes = () =>
    read.mock.calls
      .filter(({ arguments: [descriptor] }) => descriptor === file)
      .reduce((sum, { result }) => sum + (result ?? 0), 0);
  const header = bytes();
  assert.ok(header < 0.05 * statSync(path).size, `${header} bytes`);
  assert.equal(source.why, "PERSONA_MODEL names it");
  const name = "encoder.final_layer_norm.weight";
  for (let times = 1; times <= 2; times++) {
    assert.deepEqual(needParameter(checkpoint.parameters, name), model.parameters.get(name));
    assert.equal(bytes() - header, times * 4 * TINY.dModel);
  }
  checkpoint.close();
});
