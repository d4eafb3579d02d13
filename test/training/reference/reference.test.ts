import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readText } from "../../../src/io/files";
import { readAdapter } from "../../../src/models/lora/adapter";
import { loadTokenizer } from "../../../src/models/tokenizer/tokenizer";
import { readModelDirectory } from "../../../src/models/pretrained/read";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { frozenModel } from "../../../src/training/policies/frozen";
import { loraPolicy } from "../../../src/training/policies/lora";
import {
  namedReference,
  openReference,
  referenceSchema,
  type StartAdapter,
} from "../../../src/training/reference/reference";
import { writeTinyChat } from "../../chat/tiny-chat";
import { tinyLlama } from "../../models/llama/tiny-llama";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "reference-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const base = tinyLlama();
const lora = {
  rank: 2,
  alpha: 4,
  dropout: 0,
  useRslora: false,
  targetModules: ["q_proj"],
  modulesToSave: [],
};

/** An adapter directory whose weights are moved by `by`. */
function adapterIn(name: string, by: number): StartAdapter {
  const policy = loraPolicy(base, { lora, unfreezing: {}, seed: 1, baseModel: null });
  for (const { data } of policy.trained.values()) data.forEach((_, i) => (data[i]! += by));
  const directory = join(folder, name);
  policy.write(directory);
  return { directory, adapter: readAdapter(directory, base) };
}

const same = (a: { fingerprint: unknown }, b: { fingerprint: unknown }) =>
  assert.deepEqual(JSON.stringify(a.fingerprint), JSON.stringify(b.fingerprint));

test("a policy with a fresh adapter is held to the base; one that starts from an adapter must say to what", () => {
  const start = adapterIn("sft", 0.1);
  assert.deepEqual(namedReference(undefined, undefined), { kind: "base" });
  assert.throws(
    () => namedReference(undefined, start),
    ({ message }: Error) =>
      message.includes(`{ "kind": "adapter", "directory": ${JSON.stringify(start.directory)} }`) &&
      message.includes('{ "kind": "base" }') &&
      message.startsWith("reference: "),
  );
  assert.deepEqual(namedReference({ kind: "base" }, start), { kind: "base" });
});

test("each kind is the model that it names, and says so", async () => {
  const [start, other] = [adapterIn("sft", 0.1), adapterIn("other", 0.2)];
  const opened = async (reference: unknown, from?: StartAdapter) =>
    openReference(referenceSchema.parse(reference), base, from ? { start: from } : {});
  const adapter = { kind: "adapter", directory: start.directory };

  const off = await opened({ kind: "base" });
  same(off.model, frozenModel(base));
  assert.ok(off.startsThere);
  assert.match(off.words, /the reference is the base model without an adapter, as which the policy starts/);

  const offStart = await opened({ kind: "base" }, start);
  same(offStart.model, frozenModel(base));
  assert.ok(!offStart.startsThere);
  assert.match(
    offStart.words,
    /without an adapter, while the policy starts from the adapter in .*sft, so that/,
  );

  const held = await opened(adapter, start);
  same(held.model, frozenModel(base, { adapter: start.adapter }));
  assert.ok(held.startsThere);
  assert.match(held.words, /the base model with the adapter in .*sft, as which the policy starts/);

  cpSync(start.directory, join(folder, "copy"), { recursive: true });
  assert.ok((await opened({ kind: "adapter", directory: join(folder, "copy") }, start)).startsThere);
  assert.ok(!(await opened(adapter, other)).startsThere);
  const fresh = await opened(adapter);
  assert.ok(!fresh.startsThere);
  assert.match(fresh.words, /while the policy starts from the base model/);
});

test("another model is read whole, and refused where its tokens mean something else", async () => {
  const directory = join(folder, "model");
  const moved = tinyLlama();
  moved.parameters.get("model.norm.weight")!.data[0]! += 0.5;
  writeModelDirectory(directory, moved);
  const { model, words, startsThere } = await openReference({ kind: "model", directory }, base);
  same(model, frozenModel(moved));
  assert.ok(!startsThere);
  assert.match(words, /the reference is the model in .*model, while/);

  writeModelDirectory(directory, base);
  assert.ok((await openReference({ kind: "model", directory }, base)).startsThere);
  assert.ok(
    !(await openReference({ kind: "model", directory }, base, { start: adapterIn("sft", 0.1) })).startsThere,
  );

  writeModelDirectory(directory, tinyLlama({ vocab_size: 98 }));
  await assert.rejects(
    openReference({ kind: "model", directory }, base),
    /reference: the model in .*model has a vocabulary of 98 tokens, the base one of 97/,
  );
  await assert.rejects(openReference({ kind: "model", directory: join(folder, "no") }, base), /no/);
});

test("the tokens of another model are compared one by one", async () => {
  const [own, directory] = ["base", "model"].map((name) => writeTinyChat(join(folder, name))) as [
    string,
    string,
  ];
  const [model, tokenizer] = [readModelDirectory(own), await loadTokenizer(own)];
  const open = () => openReference({ kind: "model", directory }, model, { tokenizer });
  assert.ok((await open()).startsThere);
  const path = join(directory, "tokenizer.json");
  const text = readText(path);
  writeFileSync(path, text.replace('"a":', '"é":'));
  await assert.rejects(open(), /has another tokenizer: \d+ is "é" there and "a" in the base; take one/);
});

test("what is no reference is refused", () => {
  for (const value of [{}, { kind: "start" }, { kind: "adapter" }, { kind: "base", directory: "x" }])
    assert.ok(!referenceSchema.safeParse(value).success, JSON.stringify(value));
});
