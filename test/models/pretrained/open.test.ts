import assert from "node:assert/strict";
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { exportTransformersJs } from "../../../src/export/transformers-js";
import type { Model } from "../../../src/models/architecture";
import { DEFAULT_LORA } from "../../../src/models/lora/config";
import { weightChanges } from "../../../src/models/lora/changes";
import { mergeAdapter } from "../../../src/models/lora/weights";
import { openPretrained } from "../../../src/models/pretrained/pretrained";
import { openModelDirectory, readModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { embeddedTokenizer } from "../../../src/models/tokenizer/find";
import { padBatch } from "../../../src/models/tokenizer/tokenizer";
import { readSafetensors, writeSafetensors } from "../../../src/tensors/file";
import { fullPolicy } from "../../../src/training/policies/full";
import { loraPolicy, type LoraPolicyOptions } from "../../../src/training/policies/lora";
import { randomT5, TINY } from "../tiny";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
/** Collects, and lets what was registered to hear of it run. */
async function forget() {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const root = mkdtempSync(join(tmpdir(), "open-"));
test.after(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, String(count++));

const lora: LoraPolicyOptions = {
  lora: { ...DEFAULT_LORA, rank: 2, targetModules: ["q", "v"] },
  unfreezing: { encoder: 1 },
  seed: 1,
  baseModel: null,
};

/** A model on disk, how often each of its parameters is asked for, and which of those read are still in memory. */
function counted() {
  const directory = newFolder();
  writeModelDirectory(directory, randomT5(TINY, 3));
  const open = openModelDirectory(directory);
  const asked = new Map<string, number>();
  const alive = new Map<string, WeakRef<Float32Array>>();
  const note = (name: string) => asked.set(name, (asked.get(name) ?? 0) + 1);
  const parameters: Model["parameters"] = {
    get(name) {
      note(name);
      const tensor = open.parameters.get(name);
      if (tensor) alive.set(name, new WeakRef(tensor.data));
      return tensor;
    },
    locate(name) {
      const place = open.parameters.locate!(name);
      if (place) note(name);
      return place;
    },
  };
  const living = async () => {
    await forget();
    return [...alive].flatMap(([name, data]) => (data.deref() ? [name] : [])).sort();
  };
  return { model: { ...open, parameters }, asked, living, close: open.close };
}

const names = Object.keys(parameterShapes(TINY));
const onceEach = new Map(names.map((name) => [name, 1]));
const sorted = (map: Map<string, number>) => new Map([...map].sort());

test("a training reads each parameter once, and keeps none as float32 that it rounds or copies", async () => {
  for (const frozenWeights of ["float32", "int8"] as const) {
    const { model, asked, living, close } = counted();
    const policy = loraPolicy(model, { ...lora, frozenWeights });
    close();
    assert.deepEqual(sorted(asked), sorted(onceEach), frozenWeights);
    const kept = [...policy.frozen.keys()].filter((name) => onceEach.has(name));
    assert.deepEqual(await living(), kept.sort(), frozenWeights);
    const rounded = names.filter((name) => policy.frozen.has(`${name}.int8`));
    assert.equal(rounded.length > 0, frozenWeights === "int8");
    for (const name of rounded) assert.ok(!kept.includes(name));
    assert.equal(policy.trained.has("lm_head.weight"), true);
  }
  const { model, asked, living, close } = counted();
  const policy = fullPolicy(model);
  close();
  assert.deepEqual(sorted(asked), sorted(onceEach));
  assert.deepEqual(await living(), [...policy.trained.keys()].sort());
});

test("a generator asks for each parameter at most once a program, and keeps tables alone", async () => {
  for (const weights of ["float32", "int8"] as const) {
    const { model, asked, living, close } = counted();
    const generator = await model.architecture.createGenerator(model, { weights });
    close();
    // The table of the decoder's position bias is read beside its program, the embedding goes in at every run.
    for (const name of names) {
      const isTable = /shared|relative_attention_bias/.test(name);
      assert.ok((asked.get(name) ?? 0) <= (isTable ? 2 : 1), `${name}: ${asked.get(name)}`);
    }
    for (const name of await living()) assert.match(name, /shared|relative_attention_bias/, weights);
    const decoder = await generator.startDecoder(padBatch([[3, 4, 1]], 0), 1, 4);
    assert.equal((await decoder.nextTokens(Int32Array.of(0))).length, 1);
    decoder.dispose();
    await generator.dispose();
  }
});

test("writing asks for each parameter once and keeps none; the bytes are those of a model in memory", async () => {
  const { model, asked, living, close } = counted();
  const { architecture, config, parameters } = model;
  const adapter = loraPolicy(model, lora).adapter();
  adapter.weights.forEach(({ data }, name) => name.includes("lora_B") && data.fill(0.1));
  asked.clear();
  const merged = mergeAdapter(parameters, adapter);
  for (const maxShardBytes of [2e9, 5000]) {
    asked.clear();
    const [streamed, whole] = [newFolder(), newFolder()];
    writeModelDirectory(streamed, { architecture, config, parameters: merged }, { maxShardBytes });
    const replaced = new Set([...adapter.weights.keys(), ...adapter.unfrozen.keys()]);
    assert.deepEqual(sorted(asked), sorted(new Map([...onceEach].filter(([name]) => !replaced.has(name)))));
    assert.deepEqual(await living(), []);
    const inMemory = new Map(names.map((name) => [name, merged.get(name)!]));
    writeModelDirectory(whole, { architecture, config, parameters: inMemory }, { maxShardBytes });
    assert.deepEqual(readdirSync(streamed), readdirSync(whole));
    for (const file of readdirSync(whole))
      assert.deepEqual(readFileSync(join(streamed, file)), readFileSync(join(whole, file)), file);
  }
  asked.clear();
  weightChanges(model, adapter);
  assert.ok(asked.size > 0 && [...asked.values()].every((times) => times === 1));
  close();
});

test("a model may be written over the one that it is read from; a damaged one leaves all shards as they were", () => {
  const directory = newFolder();
  writeModelDirectory(directory, randomT5(TINY, 4), { maxShardBytes: 5000 });
  const contents = () => readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]);
  const before = contents();
  const open = openModelDirectory(directory);
  const { architecture, config, parameters } = open;
  const damaged = {
    get: (name: string) => (name === "lm_head.weight" ? undefined : randomT5(TINY, 5).parameters.get(name)),
  };
  assert.throws(
    () =>
      writeModelDirectory(directory, { architecture, config, parameters: damaged }, { maxShardBytes: 5000 }),
    /the parameter lm_head\.weight is missing/,
  );
  assert.deepEqual(contents(), before);
  const doubled = {
    get(name: string) {
      const tensor = parameters.get(name)!;
      return { ...tensor, data: tensor.data.map((value) => 2 * value) };
    },
  };
  writeModelDirectory(directory, { ...open, parameters: doubled }, { maxShardBytes: 4000 });
  const twice = readModelDirectory(directory).parameters;
  for (const [name, { data }] of randomT5(TINY, 4).parameters) {
    assert.deepEqual(
      twice.get(name)!.data,
      data.map((value) => 2 * value),
      name,
    );
    // What is open is still the model that was opened; whoever opens the file itself would find another.
    assert.deepEqual(parameters.get(name)!.data, data, name);
    assert.equal(parameters.locate!(name), undefined);
  }
  open.close();
});

test("a file that is written over is not read on", () => {
  const directory = newFolder();
  writeModelDirectory(directory, randomT5(TINY, 4));
  const open = openModelDirectory(directory);
  const path = join(directory, "model.safetensors");
  fs.utimesSync(path, new Date(), new Date(Date.now() + 10_000));
  const { parameters } = open;
  for (const ask of [() => parameters.get("shared.weight"), () => parameters.locate!("shared.weight")])
    assert.throws(ask, /model\.safetensors: was written over after it was opened/);
  open.close();
  assert.throws(() => open.parameters.get("shared.weight"), /model\.safetensors: already closed/);
});

test("what an open model repeats or holds wrongly is refused before a training, an answer or a file is made of it", async () => {
  const change = (damage: (data: Float32Array) => void, name: string, as = name) => {
    const directory = newFolder();
    writeModelDirectory(directory, randomT5(TINY, 4));
    const path = join(directory, "model.safetensors");
    const { tensors } = readSafetensors(path);
    const { dtype, shape, data } = tensors.get(name)!;
    const copy = (data as Float32Array).slice();
    damage(copy);
    writeSafetensors(path, new Map(tensors).set(as, { dtype, shape, data: copy }));
    return openModelDirectory(directory);
  };
  for (const [open, said] of [
    [
      change((data) => (data[3] = NaN), "decoder.block.1.layer.2.DenseReluDense.wo.weight"),
      /model\.safetensors: tensor decoder\.block\.1\.layer\.2\.DenseReluDense\.wo\.weight holds values that are not finite/,
    ],
    [
      change((data) => (data[data.length - 1] = 7), "shared.weight", "decoder.embed_tokens.weight"),
      /model\.safetensors: tensor decoder\.embed_tokens\.weight differs from shared\.weight/,
    ],
  ] as const) {
    assert.throws(() => names.forEach((name) => open.parameters.locate!(name)), said);
    assert.throws(() => loraPolicy(open, lora), said);
    assert.throws(() => loraPolicy(open, { ...lora, frozenWeights: "int8" }), said);
    assert.throws(() => fullPolicy(open), said);
    for (const weights of ["float32", "int8"] as const)
      await assert.rejects(open.architecture.createGenerator(open, { weights }), said);
    const target = newFolder();
    assert.throws(() => writeModelDirectory(target, open), said);
    assert.deepEqual(readdirSync(target), []);
    assert.throws(() => exportTransformersJs(target, open, { tokenizerFrom: embeddedTokenizer }), said);
    open.close();
  }
  // One that repeats the embedding as it should can be mapped as the embedding itself.
  const equal = change(() => {}, "shared.weight", "encoder.embed_tokens.weight");
  assert.equal(equal.parameters.locate!("shared.weight")?.path.endsWith("model.safetensors"), true);
  equal.close();
});

test("files that nobody closes are closed when the model is forgotten, once, and those of a failed load at once", async (t) => {
  const directory = newFolder();
  writeModelDirectory(directory, randomT5(TINY, 4), { maxShardBytes: 5000 });
  const shards = readdirSync(directory).filter((name) => name.endsWith(".safetensors")).length;
  const [opened, closed] = [t.mock.method(fs, "openSync"), t.mock.method(fs, "closeSync")];
  /** Files of weights opened, and files closed, since it was asked last; the record holds on to who opened them. */
  const since = () => {
    const open = opened.mock.calls.filter(({ arguments: [path] }) => /\.safetensors$/.test(String(path)));
    const found = {
      open: open.map(({ result }) => result as number),
      closed: closed.mock.calls.map(({ arguments: [descriptor] }) => descriptor),
    };
    for (const calls of [opened, closed]) calls.mock.resetCalls();
    return found;
  };
  const inOrder = (descriptors: number[]) => [...descriptors].sort((a, b) => a - b);
  const openAndForget = () => {
    for (let i = 0; i < 5; i++) openModelDirectory(directory).parameters.get("shared.weight");
  };
  await forget();
  since();
  openAndForget();
  const { open } = since();
  assert.equal(open.length, 5 * shards);
  await forget();
  assert.deepEqual(inOrder(since().closed), inOrder(open));

  const explicit = openModelDirectory(directory);
  since();
  explicit.close();
  explicit.close();
  await forget();
  assert.equal(since().closed.length, shards);

  writeFileSync(join(directory, "tokenizer.json"), "{}");
  await assert.rejects(openPretrained({ kind: "directory", directory, why: "" }));
  const failed = since();
  assert.equal(failed.open.length, shards);
  assert.ok(failed.open.every((descriptor) => failed.closed.includes(descriptor)));
});
