import { needParameter } from "../../../src/models/layers/weights";
import type { Checkpoint } from "../../../src/models/pretrained/checkpoint";
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { findModel, loadPretrained } from "../../../src/models/pretrained/pretrained";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { FakeHub } from "../../hub/fake-hub";
import { randomT5, TINY, writeTinyTokenizer } from "../tiny";

const root = mkdtempSync(join(tmpdir(), "pretrained-"));
const hub = new FakeHub();
const model = randomT5(TINY, 1);
let tests = 0;
let cacheDirectory = "";

before(async () => {
  await hub.start();
  process.env["HF_ENDPOINT"] = hub.endpoint;
});
after(async () => {
  delete process.env["HF_ENDPOINT"];
  await hub.stop();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  cacheDirectory = join(root, `cache-${tests++}`);
  hub.files.clear();
});

/** A directory of the tiny model, which the hub serves as somebody/tiny-t5 unless told otherwise. */
function modelDirectory({ maxShardBytes = 2e9, serve = true } = {}): string {
  const directory = mkdtempSync(join(root, "model-"));
  writeModelDirectory(directory, model, { maxShardBytes });
  writeTinyTokenizer(directory);
  for (const name of serve ? readdirSync(directory) : []) {
    const content = readFileSync(join(directory, name));
    hub.files.set(`/somebody/tiny-t5/resolve/main/${name}`, { content, lfs: name.endsWith("tensors") });
  }
  return directory;
}

test("a directory that holds a model is used, and nothing is fetched", async () => {
  const directory = modelDirectory();
  const seen = hub.seen.length;
  const { source, checkpoint, tokenizer } = await loadPretrained({
    directory,
    pretrained: "somebody/tiny-t5",
  });
  assert.deepEqual(source, { kind: "directory", directory, why: `${directory} holds a model` });
  assert.deepEqual(parametersOf(checkpoint), model.parameters);
  assert.equal(tokenizer.eosId, 1);
  assert.equal(hub.seen.length, seen);
});

test("without one the hub's model is fetched, whole or in shards, and it is said", async () => {
  for (const maxShardBytes of [2e9, 5000]) {
    modelDirectory({ maxShardBytes });
    const missing = join(root, "nothing-here");
    const options = {
      directory: missing,
      pretrained: "somebody/tiny-t5",
      cacheDirectory: `${cacheDirectory}-${maxShardBytes}`,
    };
    const { source, checkpoint } = await loadPretrained(options);
    assert.equal(source.kind, "hub");
    assert.match(source.why, /somebody\/tiny-t5 of the Hugging Face hub, as .*nothing-here holds no model/);
    assert.deepEqual(parametersOf(checkpoint), model.parameters);
    hub.files.clear();
  }
});

test("a model that was fetched is found without a network, whole or in shards; a part of one is not", async () => {
  for (const maxShardBytes of [2e9, 5000]) {
    modelDirectory({ maxShardBytes });
    const options = { pretrained: "somebody/tiny-t5", cacheDirectory: `${cacheDirectory}-${maxShardBytes}` };
    const { directory } = await findModel(options);
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      const { checkpoint } = await loadPretrained(options);
      assert.deepEqual(parametersOf(checkpoint), model.parameters);
      const weights = readdirSync(directory).filter((name) => /^model.*safetensors$/.test(name));
      rmSync(join(directory, weights.at(-1)!));
      await assert.rejects(
        findModel(options),
        /\/model[^/]*\.safetensors is not in the cache .*HF_HUB_OFFLINE/,
      );
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
    hub.files.clear();
  }
});

test("a repository without safetensors is refused, a damaged directory is not passed over", async () => {
  modelDirectory();
  hub.files.delete("/somebody/tiny-t5/resolve/main/model.safetensors");
  await assert.rejects(
    findModel({ pretrained: "somebody/tiny-t5", cacheDirectory }),
    /has no model\.safetensors; pickled/,
  );
  const directory = modelDirectory({ serve: false });
  rmSync(join(directory, "model.safetensors"));
  await assert.rejects(loadPretrained({ directory, cacheDirectory }), /no model\.safetensors/);
});

test("a missing repository is an error of the hub", async () => {
  await assert.rejects(findModel({ pretrained: "somebody/else", cacheDirectory }), /somebody\/else/);
});

test("a tokenizer with more tokens than the model has rows is refused; with fewer it fits", async () => {
  const directory = mkdtempSync(join(root, "model-"));
  writeTinyTokenizer(directory);
  writeModelDirectory(directory, randomT5({ ...TINY, vocabSize: 8 }, 1));
  await assert.rejects(
    loadPretrained({ directory }),
    /the tokenizer has 9 tokens, but the model's embedding has 8 rows .*resize_token_embeddings/,
  );
  writeModelDirectory(directory, randomT5({ ...TINY, vocabSize: 9 }, 1));
  assert.equal((await loadPretrained({ directory })).tokenizer.vocabularySize, 9);
});

const parametersOf = ({ architecture, config, parameters }: Checkpoint) =>
  new Map(
    Object.keys(architecture.parameterShapes(config)).map((name) => [name, needParameter(parameters, name)]),
  );
