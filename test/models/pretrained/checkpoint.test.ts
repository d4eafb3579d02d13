import type { T5Config } from "../../../src/models/t5/config";
import assert from "node:assert/strict";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { writeJson } from "../../../src/io/files";
import { readModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { t5Architecture } from "../../../src/models/t5/architecture";
import { parseT5Config } from "../../../src/models/t5/config";
import { readSafetensors, writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";
import { testEveryT5 } from "../t5-fixtures";
import { randomT5, TINY } from "../tiny";

const root = mkdtempSync(join(tmpdir(), "checkpoint-"));
test.after(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, String(count++));

/** A directory of the tiny model after `change` to its stored tensors. */
function stored(change: (tensors: Map<string, HostTensor>) => void, config = TINY): string {
  const directory = newFolder();
  const tensors = new Map<string, HostTensor>(randomT5(config, 1).parameters);
  change(tensors);
  writeSafetensors(join(directory, "model.safetensors"), tensors);
  writeJson(join(directory, "config.json"), t5Architecture.configFile(config));
  return directory;
}

const wiName = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight";

test("a model is read as it was written, whole or in shards", () => {
  const model = randomT5(TINY, 1);
  for (const maxShardBytes of [2e9, 5000]) {
    const directory = newFolder();
    writeModelDirectory(directory, model, { maxShardBytes });
    assert.equal(existsSync(join(directory, "model.safetensors")), maxShardBytes === 2e9);
    const read = readModelDirectory(directory);
    assert.deepEqual(read.config, TINY);
    assert.deepEqual(new Map(read.parameters), model.parameters);
    assert.deepEqual(read.generationConfigFile, {
      decoder_start_token_id: 0,
      eos_token_id: 1,
      pad_token_id: 0,
    });
  }
});

test("writing over another layout leaves only the new weights", () => {
  const directory = newFolder();
  writeModelDirectory(directory, randomT5(TINY, 1), { maxShardBytes: 5000 });
  writeModelDirectory(directory, randomT5(TINY, 2));
  assert.deepEqual(readdirSync(directory).sort(), [
    "config.json",
    "generation_config.json",
    "model.safetensors",
  ]);
  writeModelDirectory(directory, randomT5(TINY, 3), { maxShardBytes: 5000 });
  assert.deepEqual(new Map(readModelDirectory(directory).parameters), randomT5(TINY, 3).parameters);
});

test("what config.json says beyond the model is kept", () => {
  const directory = newFolder();
  const configFile = {
    ...t5Architecture.configFile(TINY),
    task_specific_params: { summarization: { num_beams: 4 } },
  };
  writeModelDirectory(directory, { ...randomT5(TINY, 1), configFile });
  assert.deepEqual(readModelDirectory(directory).configFile, configFile);
  assert.deepEqual(parseT5Config(configFile), TINY);
});

test("whole numbers that transformers takes as floats only are written as floats", () => {
  const directory = newFolder();
  const task = { initializer_factor: 1 };
  const configFile = { ...t5Architecture.configFile(TINY), initializer_factor: 1, n_positions: 512, task };
  writeModelDirectory(directory, { ...randomT5(TINY, 1), configFile });
  const text = readFileSync(join(directory, "config.json"), "utf8");
  assert.match(text, /^ {2}"initializer_factor": 1\.0,$/m);
  assert.match(text, /^ {2}"n_positions": 512,$/m);
  assert.match(text, /^ {4}"initializer_factor": 1$/m);
  assert.deepEqual(readModelDirectory(directory).configFile, configFile);
});

test("names that repeat the embedding are checked, and stand in for it where it is missing", () => {
  const same = stored((tensors) => tensors.set("encoder.embed_tokens.weight", tensors.get("shared.weight")!));
  assert.deepEqual(new Map(readModelDirectory(same).parameters), randomT5(TINY, 1).parameters);
  const alone = stored((tensors) => {
    tensors.set("decoder.embed_tokens.weight", tensors.get("shared.weight")!);
    tensors.delete("shared.weight");
  });
  assert.deepEqual(new Map(readModelDirectory(alone).parameters), randomT5(TINY, 1).parameters);
  const other = stored((tensors) => {
    const { shape, data } = tensors.get("shared.weight") as HostTensor<"float32">;
    tensors.set(
      "encoder.embed_tokens.weight",
      float32Tensor(
        shape,
        data.map((x) => x + 1),
      ),
    );
  });
  assert.throws(() => readModelDirectory(other), /encoder\.embed_tokens\.weight differs from shared\.weight/);
  const tied = { ...TINY, tieWordEmbeddings: true };
  const withHead = stored((tensors) => tensors.set("lm_head.weight", tensors.get("shared.weight")!), tied);
  assert.ok(!readModelDirectory(withHead).parameters.has("lm_head.weight"));
});

test("16-bit weights become float32", () => {
  const directory = stored((tensors) => {
    for (const [name, { shape, data }] of tensors) {
      const bits = new Uint32Array((data as Float32Array).slice().buffer);
      tensors.set(name, { dtype: "bfloat16", shape, data: Uint16Array.from(bits, (x) => x >>> 16) });
    }
  });
  const { parameters } = readModelDirectory(directory);
  for (const [name, { data }] of randomT5(TINY, 1).parameters) {
    const cut = new Float32Array(new Uint32Array(data.slice().buffer).map((x) => x & 0xffff0000).buffer);
    assert.deepEqual(parameters.get(name)!.data, cut);
  }
});

test("missing, extra, misshapen, wrongly typed and non-finite tensors are named", () => {
  const fails = (change: (tensors: Map<string, HostTensor>) => void, message: RegExp) =>
    assert.throws(() => readModelDirectory(stored(change)), message);
  fails(
    (t) => t.delete(wiName),
    /missing tensors: encoder\.block\.0\.layer\.1\.DenseReluDense\.wi_0\.weight; weights and config\.json are of different models, or one is not whole: take both from one repository$/,
  );
  fails((t) => t.delete("shared.weight"), /missing tensors: shared\.weight; weights and config\.json/);
  fails((t) => t.clear(), /missing tensors: .* and \d+ more/);
  fails(
    (t) => t.set("lm_head.bias", t.get("shared.weight")!),
    /not in a T5 of this config\.json: lm_head\.bias; weights and config\.json/,
  );
  fails(
    (t) => t.set(wiName, float32Tensor([8, 32], new Float32Array(256))),
    /model\.safetensors: tensor encoder.*wi_0\.weight has shape \[8, 32\], not \[32, 8\]; weights and config\.json are of different models/,
  );
  fails(
    (t) => t.set(wiName, { dtype: "int8", shape: [32, 8], data: new Int8Array(256) }),
    /tensor encoder.*wi_0\.weight holds int8, where floats are needed; take the model as it was before it was quantised/,
  );
  fails(
    (t) => ((t.get("shared.weight") as HostTensor<"float32">).data[3] = NaN),
    /model\.safetensors: tensor shared\.weight holds values that are not finite numbers \(1 of 240\)/,
  );
});

test("each file of a model is read once, in pieces that need no second copy of it", (t) => {
  const directory = stored((tensors) => {
    for (const [name, { shape, data }] of tensors)
      if (name !== wiName)
        tensors.set(name, { dtype: "float64", shape, data: Float64Array.from(data as Float32Array) });
  });
  const size = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  const read = t.mock.method(fs, "readSync");
  readModelDirectory(directory);
  const bytes = read.mock.calls.reduce((sum, { result }) => sum + (result ?? 0), 0);
  assert.equal(bytes, size);
});

test("a damaged index is refused with its fault", () => {
  const damaged = (change: (map: Record<string, string>, directory: string) => void) => {
    const directory = newFolder();
    writeModelDirectory(directory, randomT5(TINY, 1), { maxShardBytes: 5000 });
    const path = join(directory, "model.safetensors.index.json");
    const index = JSON.parse(readFileSync(path, "utf8")) as { weight_map: Record<string, string> };
    change(index.weight_map, directory);
    writeJson(path, index);
    return directory;
  };
  const fails = (change: Parameters<typeof damaged>[0], message: RegExp) =>
    assert.throws(() => readModelDirectory(damaged(change)), message);
  fails((map) => (map[wiName] = "../other.safetensors"), /is not the name of a shard beside it/);
  fails(
    (map) => (map[wiName] = "model-00009-of-00009.safetensors"),
    /index\.json: 1 of \d+ shards are missing beside it: model-00009-of-00009\.safetensors/,
  );
  fails((map, directory) => {
    const other = Object.values(map).find((shard) => shard !== map[wiName])!;
    const { tensors } = readSafetensors(join(directory, other));
    const again = readSafetensors(join(directory, map[wiName]!)).tensors.get(wiName)!;
    writeSafetensors(join(directory, other), tensors.set(wiName, again));
  }, /holds tensor encoder.*wi_0\.weight, which .* does not place there but in model-.*, which holds it too/);
  fails((map, directory) => {
    const path = join(directory, map[wiName]!);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
  }, /model-\d+-of-\d+\.safetensors: not a valid safetensors file: .*cut off; copy or download it again/);
  fails((map, directory) => {
    const path = join(directory, map[wiName]!);
    const { tensors } = readSafetensors(path);
    tensors.delete(wiName);
    writeSafetensors(path, tensors);
  }, /index\.json: tensor encoder.*wi_0\.weight is not in model-.*, where the index places it/);
  fails((map) => delete map[wiName], /holds tensor encoder.*wi_0\.weight, which .* does not place there/);
  fails((map) => (map["more.weight"] = map[wiName]!), /tensor more\.weight is not in model-/);
  const directory = damaged(() => {});
  writeFileSync(join(directory, "model.safetensors.index.json"), "[]");
  assert.throws(() => readModelDirectory(directory), /not an index/);
});

test("pickled weights are refused with the way to convert them, and an empty directory says what it lacks", () => {
  const directory = stored(() => {});
  rmSync(join(directory, "model.safetensors"));
  assert.throws(
    () => readModelDirectory(directory),
    /no model\.safetensors and no model\.safetensors\.index\.json/,
  );
  writeFileSync(join(directory, "pytorch_model.bin"), "x");
  assert.throws(
    () => readModelDirectory(directory),
    /pytorch_model\.bin is a Python pickle.*safe_serialization=True/,
  );
  assert.throws(() => readModelDirectory(newFolder()), /config\.json: no such file/);
  const [adapter, gguf] = [newFolder(), join(newFolder(), "m.gguf")];
  for (const place of [adapter, dirname(gguf)]) mkdirSync(place);
  writeFileSync(join(adapter, "adapter_config.json"), '{ "base_model_name_or_path": "some/base" }');
  writeFileSync(gguf, "GGUF\x03\0\0\0");
  for (const [place, said] of [
    [adapter, /this folder is an adapter, not a model; .*its base model \("some\/base"\)/],
    [gguf, /m\.gguf\/config\.json: no such file: it is a file, and is a GGUF model/],
    [dirname(gguf), /it holds m\.gguf; a model's folder has config\.json, model\.safetensors/],
    ["google/flan-t5-base", /there is no such folder; .*downloaded into one folder/],
  ] as const)
    assert.throws(() => readModelDirectory(place), said);
  rmSync(join(directory, "pytorch_model.bin"));
  writeFileSync(join(directory, "tf_model.h5"), "x");
  assert.throws(
    () => readModelDirectory(directory),
    /no model\.safetensors.*; tf_model\.h5 is not read: take the model's safetensors files/,
  );
});

test("files that are something else are said to be what they are", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
  for (const name of ["config.json", "generation_config.json", "model.safetensors"]) {
    for (const [content, said] of [
      [pointer, /Git LFS pointer .*git lfs pull/],
      ["<!doctype html><html><title>Sign in</title></html>", /is an HTML page/],
      ["\x80\x02}q\0.", /pickle/],
      ["", /is empty/],
    ] as const) {
      const directory = newFolder();
      writeModelDirectory(directory, randomT5(TINY, 1));
      writeFileSync(join(directory, name), content, "latin1");
      assert.throws(
        () => readModelDirectory(directory),
        (error: Error) => said.test(error.message) && error.message.includes(join(directory, name)),
        `${name}: ${content}`,
      );
    }
  }
  const shards = newFolder();
  writeModelDirectory(shards, randomT5(TINY, 1), { maxShardBytes: 5000 });
  writeFileSync(join(shards, "model.safetensors.index.json"), pointer);
  assert.throws(() => readModelDirectory(shards), /index\.json is a Git LFS pointer/);
  rmSync(join(shards, "model.safetensors.index.json"));
  assert.throws(() => readModelDirectory(shards), /model-00001.*needs model\.safetensors\.index\.json/);
});

testEveryT5(
  "a directory that transformers wrote is read",
  ["config.json"],
  () => ["model.safetensors"],
  (fixture, file) => {
    const { config, parameters } = readModelDirectory(fixture.directory);
    const { feed_forward_proj: feedForward = "relu" } = fixture.read<Record<string, string>>("config.json");
    assert.equal((config as T5Config).feedForward, feedForward);
    const { tensors } = readSafetensors(join(fixture.directory, file));
    const own = [...tensors].filter(([name]) => !name.includes("embed_tokens")); // further names of shared.weight
    assert.deepEqual(new Map(parameters), new Map(own));
  },
);
