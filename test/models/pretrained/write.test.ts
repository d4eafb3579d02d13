import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readJson } from "../../../src/io/files";
import { openModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { SafetensorsFile } from "../../../src/tensors/file";
import { float32Tensor } from "../../../src/tensors/tensor";
import { randomLlama, TINY_LLAMA } from "../tiny-llama";

const root = mkdtempSync(join(tmpdir(), "write-"));
test.after(() => rmSync(root, { recursive: true }));

test("a model is written in 16 bits, each value the nearest, and config.json says so", () => {
  const model = randomLlama(TINY_LLAMA, 3);
  const configFile = { ...TINY_LLAMA, torch_dtype: "float32" };
  for (const [dtype, error] of [
    ["bfloat16", 2 ** -8],
    ["float16", 2 ** -11],
  ] as const) {
    const directory = join(root, dtype);
    writeModelDirectory(directory, { ...model, configFile }, { dtype, maxShardBytes: 6000 });
    assert.equal((readJson(join(directory, "config.json")) as typeof configFile).torch_dtype, dtype);
    const index = readJson(join(directory, "model.safetensors.index.json")) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    const shard = new SafetensorsFile(join(directory, index.weight_map["model.norm.weight"]!));
    assert.equal(shard.entries.get("model.norm.weight")!.dtype, dtype);
    shard.close();
    const count = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
    assert.equal(index.metadata.total_size, 2 * count);
    for (const file of new Set(Object.values(index.weight_map)))
      assert.ok(statSync(join(directory, file)).size < 8000, file);
    const open = openModelDirectory(directory);
    for (const [name, { data }] of model.parameters) {
      const found = open.parameters.get(name)!.data;
      data.forEach((value, i) =>
        assert.ok(Math.abs(found[i]! - value) <= error * Math.abs(value) + 2 ** -25, `${name} ${i}`),
      );
    }
    open.close();
  }
});

test("a value that the bits cannot hold is refused by name, and nothing is written", () => {
  const model = randomLlama(TINY_LLAMA, 3);
  model.parameters.set("model.norm.weight", float32Tensor([24], new Float32Array(24).fill(70000)));
  const directory = join(root, "large");
  assert.throws(
    () => writeModelDirectory(directory, model, { dtype: "float16" }),
    /model\.norm\.weight holds 70000, which float16 cannot: write the model in float32/,
  );
  assert.ok(!existsSync(join(directory, "model.safetensors")));
});
