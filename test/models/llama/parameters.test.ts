import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeJson } from "../../../src/io/files";
import { type LlamaConfig, type LlamaFamily, parseLlamaConfig } from "../../../src/models/llama/config";
import { parameterShapes } from "../../../src/models/llama/parameters";
import { openModelDirectory, readModelDirectory } from "../../../src/models/pretrained/read";
import { writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";

const root = mkdtempSync(join(tmpdir(), "llama-parameters-"));
test.after(() => rmSync(root, { recursive: true }));
let count = 0;

const sizes = {
  vocab_size: 20,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  sliding_window: null,
};
const filled = (shape: readonly number[], value = (i: number) => Math.sin(i)) =>
  float32Tensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
  );

type Tensors = Map<string, HostTensor>;

/** A model's folder after a change to its tensors. */
function stored(
  family: LlamaFamily,
  change: (tensors: Tensors) => void = () => {},
  fields: Record<string, unknown> = {},
): string {
  const directory = join(root, String(count++));
  const file = { model_type: family, ...sizes, ...fields };
  const shapes = parameterShapes(parseLlamaConfig(family, file));
  const tensors: Tensors = new Map(Object.entries(shapes).map(([name, shape]) => [name, filled(shape)]));
  change(tensors);
  writeSafetensors(join(directory, "model.safetensors"), tensors);
  writeJson(join(directory, "config.json"), file);
  return directory;
}

const families: LlamaFamily[] = ["llama", "mistral", "qwen2", "qwen3"];
const embedding = "model.embed_tokens.weight";
const head = "lm_head.weight";

test("a folder with the parameters of its config is read, of each family and with every bias", () => {
  for (const family of families) {
    const { config, parameters } = readModelDirectory(stored(family));
    assert.deepEqual([...parameters.keys()], Object.keys(parameterShapes(config as LlamaConfig)));
  }
  const { parameters } = readModelDirectory(
    stored("llama", undefined, { attention_bias: true, mlp_bias: true }),
  );
  assert.equal([...parameters.keys()].filter((name) => name.endsWith(".bias")).length, 2 * 7);
});

test("each parameter that is missing, extra or misshapen is refused by name before a value is read", () => {
  const refused = (family: LlamaFamily, change: (tensors: Tensors) => void, words: RegExp) =>
    assert.throws(() => openModelDirectory(stored(family, change)).close(), words);
  for (const family of families) {
    for (const name of Object.keys(parameterShapes(parseLlamaConfig(family, sizes)))) {
      refused(family, (t) => t.delete(name), new RegExp(`missing tensors: ${name}; `));
      refused(
        family,
        (t) => t.set(name, filled([3])),
        new RegExp(`tensor ${name} has shape \\[3\\], not \\[`),
      );
    }
    for (const name of ["model.layers.2.input_layernorm.weight", "score.weight", "model.norm.bias"])
      refused(
        family,
        (t) => t.set(name, filled([8])),
        new RegExp(`not in a .* of this config\\.json: ${name}; `),
      );
  }
  refused("llama", (t) => t.delete(head), /set tie_word_embeddings in config\.json if the model's embedding/);
  refused(
    "llama",
    (t) => [...t].forEach(([name, tensor]) => t.delete(name) && t.set(`base_model.model.${name}`, tensor)),
    /PEFT has wrapped this model: save it after merge_and_unload\(\)/,
  );
});

test("values that are not finite are refused when they are read, and so is a head of a tied model", () => {
  const broken = stored("qwen3", (t) =>
    t.set(
      "model.norm.weight",
      filled([8], () => NaN),
    ),
  );
  assert.throws(
    () => readModelDirectory(broken),
    /tensor model\.norm\.weight holds values that are not finite/,
  );
  const nanHead = stored(
    "llama",
    (t) =>
      t.set(
        head,
        filled([20, 8], () => Infinity),
      ),
    {
      tie_word_embeddings: true,
    },
  );
  assert.throws(() => readModelDirectory(nanHead), /tensor lm_head\.weight holds values that are not finite/);
});

test("a model that is called tied has a head of its own where the weights hold another, and can be stored by its head", () => {
  const tied = (change?: (tensors: Tensors) => void) =>
    readModelDirectory(stored("llama", change, { tie_word_embeddings: true }));
  const isTied = ({ config }: ReturnType<typeof tied>) => (config as LlamaConfig).tieWordEmbeddings;
  assert.equal(isTied(tied()), true);
  assert.equal(isTied(tied((t) => t.set(head, t.get(embedding)!))), true);
  const other = tied((t) =>
    t.set(
      head,
      filled([20, 8], (i) => Math.cos(i)),
    ),
  );
  assert.equal(isTied(other), false);
  assert.equal(other.parameters.get(head)!.data[0], 1);
  const byHead = tied((t) => t.set(head, t.get(embedding)!) && t.delete(embedding));
  assert.deepEqual(byHead.parameters.get(embedding)!.data, filled([20, 8]).data);
});

test("angles that older files repeat are left out", () => {
  const angles = ["model.layers.0.self_attn", "model.layers.1.self_attn", "model"];
  const { parameters } = readModelDirectory(
    stored("llama", (t) => angles.forEach((at) => t.set(`${at}.rotary_emb.inv_freq`, filled([2])))),
  );
  assert.ok(![...parameters.keys()].some((name) => name.includes("rotary")));
});
