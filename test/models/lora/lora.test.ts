import { TINY } from "../tiny";
import { t5Architecture } from "../../../src/models/t5/architecture";
import { llamaArchitecture } from "../../../src/models/llama/architecture";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Adapter, readAdapter, writeAdapter } from "../../../src/models/lora/adapter";
import { weightChanges, weightChangeTable } from "../../../src/models/lora/changes";
import { DEFAULT_LORA, type LoraConfig, loraScale } from "../../../src/models/lora/config";
import {
  findTrainable,
  loraAName,
  loraBName,
  type Naming,
  trainableTable,
} from "../../../src/models/lora/trainable";
import { initLora, mergeAdapter, mergedWeight } from "../../../src/models/lora/weights";
import { Random } from "../../../src/random/random";
import { readSafetensors, writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor, toFloat32 } from "../../../src/tensors/tensor";
import { type Listed, testEveryT5 } from "../t5-fixtures";

/** FLAN-T5 Small's parameters, written out here from its published configuration. */
function flanT5SmallShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>([["shared.weight", [32128, 512]]]);
  for (const stack of ["encoder", "decoder"]) {
    for (let block = 0; block < 8; block++) {
      const attentions = stack === "encoder" ? ["SelfAttention"] : ["SelfAttention", "EncDecAttention"];
      attentions.forEach((attention, layer) => {
        const path = `${stack}.block.${block}.layer.${layer}`;
        for (const p of "qkv") shapes.set(`${path}.${attention}.${p}.weight`, [384, 512]);
        shapes.set(`${path}.${attention}.o.weight`, [512, 384]);
        if (block === 0 && layer === 0)
          shapes.set(`${path}.${attention}.relative_attention_bias.weight`, [32, 6]);
        shapes.set(`${path}.layer_norm.weight`, [512]);
      });
      const path = `${stack}.block.${block}.layer.${attentions.length}`;
      shapes.set(`${path}.DenseReluDense.wi_0.weight`, [1024, 512]);
      shapes.set(`${path}.DenseReluDense.wi_1.weight`, [1024, 512]);
      shapes.set(`${path}.DenseReluDense.wo.weight`, [512, 1024]);
      shapes.set(`${path}.layer_norm.weight`, [512]);
    }
    shapes.set(`${stack}.final_layer_norm.weight`, [512]);
  }
  return shapes.set("lm_head.weight", [32128, 512]);
}

const shapes = flanT5SmallShapes();
const sum = (config: LoraConfig, encoderBlocks = 0) => {
  const table = trainableTable(
    t5Architecture,
    shapes,
    config,
    findTrainable(t5Architecture, shapes, config, { encoder: encoderBlocks }),
  );
  return {
    table,
    of: (part: RegExp) =>
      table.filter((row) => part.test(row.part)).reduce((n, row) => n + row.parameters, 0),
  };
};

test("the parameter table of FLAN-T5 Small has the published counts", () => {
  const { table, of } = sum({ ...DEFAULT_LORA, rank: 8 }, 4);
  assert.equal(table.at(-1)!.parameters, 76_961_152);
  assert.equal(of(/^LoRA on [qkvo]$/), 688_128);
  assert.equal(of(/^LoRA on w/), 589_824);
  assert.equal(of(/^lm_head/), 16_449_536);
  assert.equal(of(/unfrozen/), 4 * (3 * 512 * 1024 + 4 * 512 * 384 + 2 * 512));
  assert.equal(of(/^all/), of(/^(LoRA|lm_head|encoder)/));
});

test("wi is taken as wi_0 and wi_1 on a gated model, with a note", () => {
  const { targets, notes } = findTrainable(t5Architecture, shapes, {
    ...DEFAULT_LORA,
    targetModules: ["wi"],
  });
  assert.equal(targets.length, 32);
  assert.match(notes.join(), /wi_0.*wi_1/);
});

test("suffixes match whole parts: o is not wo, and the embeddings are no targets", () => {
  const { targets } = findTrainable(t5Architecture, shapes, { ...DEFAULT_LORA, targetModules: ["o"] });
  assert.equal(targets.length, 24);
  assert.ok(targets.every(({ module }) => module.endsWith(".o")));
});

test("what matches nothing, cannot be unfrozen or means nothing is an error that names it", () => {
  const find = (change: Partial<LoraConfig>, encoderBlocks = 0) =>
    findTrainable(t5Architecture, shapes, { ...DEFAULT_LORA, ...change }, { encoder: encoderBlocks });
  assert.throws(() => find({ targetModules: ["query"] }), /"query"; it has .*q, k, v, o/);
  assert.throws(() => find({ targetModules: ["shared"] }), /"shared"/);
  assert.throws(() => find({ modulesToSave: ["head"] }), /"head"/);
  assert.throws(() => find({ targetModules: ["lm_head"] }), /both a target and a module to save/);
  assert.throws(() => find({}, 9), /cannot unfreeze 9 encoder blocks: the model has 8/);
  assert.throws(() => find({ rank: 0 }), /rank/);
  assert.throws(() => find({ dropout: 1 }), /dropout/);
});

test("modules whose copies PEFT would train apart from what the model reads are not saved whole", () => {
  const find = (architecture: Naming, all: ReadonlyMap<string, number[]>, modulesToSave: string[]) =>
    findTrainable(architecture, all, {
      ...DEFAULT_LORA,
      targetModules: architecture.isLinear("x.q", [1, 1]) ? ["q"] : [],
      modulesToSave,
    });
  assert.throws(
    () => find(t5Architecture, shapes, ["shared"]),
    /modulesToSave: PEFT would train a copy of the embedding `shared` that neither .* leave it out/,
  );
  const llama = (isTied: boolean): ReadonlyMap<string, number[]> =>
    new Map([
      ["model.embed_tokens.weight", [9, 4]],
      ["model.layers.0.q.weight", [4, 4]],
      ...(isTied ? [] : [["lm_head.weight", [9, 4]] as [string, number[]]]),
    ]);
  assert.throws(
    () => find(llamaArchitecture, llama(true), ["embed_tokens"]),
    /a copy of model\.embed_tokens, apart from lm_head, which this model ties to it; leave it out/,
  );
  assert.throws(() => find(llamaArchitecture, llama(true), ["lm_head"]), /"lm_head" \(this model ties it/);
  const norms = new Map([
    ...llama(false),
    ["model.norm.weight", [4]],
    ["model.layers.0.input_layernorm.weight", [4]],
  ]);
  assert.throws(
    () => find(llamaArchitecture, norms, ["norm"]),
    /"norm" for the end of any name and would save model\.layers\.0\.input_layernorm too; name model\.norm/,
  );
  assert.deepEqual(find(llamaArchitecture, norms, ["model.norm"]).saved, ["model.norm.weight"]);
  assert.deepEqual(find(llamaArchitecture, llama(false), ["embed_tokens", "lm_head"]).saved, [
    "model.embed_tokens.weight",
    "lm_head.weight",
  ]);
});

test("the scale is α/r, or α/√r when rank-stabilised", () => {
  assert.equal(loraScale({ alpha: 32, rank: 16, useRslora: false }), 2);
  assert.equal(loraScale({ alpha: 32, rank: 16, useRslora: true }), 8);
});

test("fresh adapters: B zero, A uniform in ±1/√in, the same for the same seed", () => {
  const target = { module: "x.q", inFeatures: 400, outFeatures: 30 };
  const weights = initLora([target], 50, new Random(1));
  const a = weights.get(loraAName("x.q"))!;
  assert.deepEqual(
    [a.shape, weights.get(loraBName("x.q"))!.shape],
    [
      [50, 400],
      [30, 50],
    ],
  );
  assert.ok(weights.get(loraBName("x.q"))!.data.every((value) => value === 0));
  const largest = a.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const variance = a.data.reduce((total, value) => total + value * value, 0) / a.data.length;
  assert.ok(largest <= 0.05 && largest > 0.0499);
  assert.ok(Math.abs(variance - 0.05 ** 2 / 3) < 0.03 * (0.05 ** 2 / 3));
  assert.deepEqual(initLora([target], 50, new Random(1)), weights);
});

testEveryT5(
  "merged weights equal PEFT's, and the base stays as it was",
  [],
  (fixture) => fixture.files(/^merged_(.*)\.json$/),
  (fixture, merge) => {
    const { lora, parameters: weights } = fixture.case(`case_${merge}`);
    const base = fixture.base();
    const before = new Map([...base].map(([name, { data }]) => [name, data.slice()]));
    let adapted = 0;
    for (const [name, expected] of Object.entries(
      fixture.read<Record<string, Listed>>(`merged_${merge}.json`),
    )) {
      const tensor = base.get(name)!;
      const module = name.replace(/\.weight$/, "");
      const a = weights.get(loraAName(module));
      const merged = a ? mergedWeight(tensor, a, weights.get(loraBName(module))!, lora!) : tensor;
      if (a) adapted++;
      expected.data.forEach((value, i) => assert.ok(Math.abs(merged.data[i]! - value) < 1e-6, name));
      assert.deepEqual(tensor.data, before.get(name));
    }
    const adapters = [...weights.keys()].filter((name) => name.endsWith(".lora_A.weight"));
    assert.ok(adapted > 0);
    assert.equal(adapted, adapters.length);
  },
);

test("a merged model has W + s·B·A, also over an unfrozen W, and the saved modules; what changed is measured", () => {
  const matrix = (...rows: number[][]) =>
    float32Tensor([rows.length, rows[0]!.length], Float32Array.from(rows.flat()));
  const base = new Map([
    ["a.q.weight", matrix([1, 0], [0, 1])],
    ["b.q.weight", matrix([3, 0], [0, 4])],
    ["lm_head.weight", matrix([2, 2])],
    ["shared.weight", matrix([7, 7])],
  ]);
  const adapter: Adapter = {
    config: { ...DEFAULT_LORA, rank: 1, alpha: 2 },
    baseModel: null,
    weights: new Map([
      ["a.q.lora_A.weight", matrix([1, 2])],
      ["a.q.lora_B.weight", matrix([1], [-1])],
      ["b.q.lora_A.weight", matrix([0, 1])],
      ["b.q.lora_B.weight", matrix([0], [0])],
      ["lm_head.weight", matrix([2, 5])],
    ]),
    unfrozen: new Map([["a.q.weight", matrix([10, 0], [0, 10])]]),
  };
  const merged = mergeAdapter(base, adapter);
  assert.deepEqual(
    [...base.keys()].map((name) => [name, [...merged.get(name)!.data]]),
    [
      ["a.q.weight", [12, 4, -2, 6]],
      ["b.q.weight", [3, 0, 0, 4]],
      ["lm_head.weight", [2, 5]],
      ["shared.weight", [7, 7]],
    ],
  );
  assert.deepEqual([...base.get("a.q.weight")!.data], [1, 0, 0, 1]);
  const shapesOf = () => Object.fromEntries([...base].map(([name, { shape }]) => [name, [...shape]]));
  const architecture = { ...t5Architecture, parameterShapes: shapesOf };
  assert.deepEqual(weightChanges({ architecture, config: TINY, parameters: base }, adapter), [
    { module: "a.q", relative: Math.sqrt((11 ** 2 + 4 ** 2 + 2 ** 2 + 5 ** 2) / 2) },
    { module: "b.q", relative: 0 },
    { module: "lm_head", relative: Math.sqrt(9 / 8) },
  ]);
});

test("changes of a T5's projections as a table of blocks", () => {
  const change = (module: string, relative: number) => ({ module, relative });
  const table = weightChangeTable(t5Architecture, [
    change("encoder.block.0.layer.0.SelfAttention.q", 1),
    change("encoder.block.0.layer.0.SelfAttention.relative_attention_bias", 9),
    change("encoder.block.0.layer.1.DenseReluDense.wi_0", 2),
    change("decoder.block.11.layer.1.EncDecAttention.v", 3),
    change("lm_head", 4),
  ]);
  assert.deepEqual(table, {
    rows: ["encoder 1", "decoder 12"],
    columns: ["self q", "cross v", "wi_0"],
    values: [
      [1, null, 2],
      [null, 3, null],
    ],
  });
});

// ---------------------------------------------------------------------------------------------- adapter files

const folder = mkdtempSync(join(tmpdir(), "adapter-"));
test.after(() => rmSync(folder, { recursive: true }));

function randomAdapter(): Adapter {
  const config = { ...DEFAULT_LORA, rank: 2 };
  const small = smallShapes();
  const { targets, saved, unfrozen } = findTrainable(t5Architecture, small, config, { encoder: 1 });
  const random = new Random(2);
  const draw = (shape: readonly number[]) =>
    float32Tensor(
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    );
  const weights = new Map([...initLora(targets, 2, random)].map(([name, { shape }]) => [name, draw(shape)]));
  for (const name of saved) weights.set(name, draw(small.get(name)!));
  return {
    config,
    baseModel: "base",
    weights,
    unfrozen: new Map(unfrozen.map((name) => [name, draw(small.get(name)!)])),
  };
}

/** The layout of FLAN-T5 Small with every length a hundredth. */
function smallShapes(): Map<string, number[]> {
  return new Map([...shapes].map(([name, shape]) => [name, shape.map((length) => Math.ceil(length / 100))]));
}

/** A model of these shapes: what an adapter's file is read for. */
const tiny = {
  architecture: { ...t5Architecture, parameterShapes: () => Object.fromEntries(smallShapes()) },
  config: TINY,
};

test("an adapter directory has PEFT's names and fields, and comes back as it was written", () => {
  const adapter = randomAdapter();
  const directory = join(folder, "written");
  writeAdapter(directory, adapter, t5Architecture);
  const { tensors } = readSafetensors(join(directory, "adapter_model.safetensors"));
  assert.ok(tensors.has("base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight"));
  assert.ok(tensors.has("base_model.model.lm_head.weight"));
  const config = JSON.parse(readFileSync(join(directory, "adapter_config.json"), "utf8")) as Record<
    string,
    unknown
  >;
  assert.deepEqual(config["target_modules"], ["q", "k", "v", "o", "wi_0", "wi_1", "wo"]);
  assert.equal(config["lora_alpha"], 32);
  const read = readAdapter(directory, tiny);
  const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(read.weights), sorted(adapter.weights));
  assert.deepEqual(sorted(read.unfrozen), sorted(adapter.unfrozen));
  assert.equal(read.unfrozen.size, 9);
});

test("an adapter with a pattern for targets is read by what its file holds", () => {
  const directory = join(folder, "pattern");
  writeAdapter(directory, randomAdapter(), t5Architecture);
  editConfig(directory, { target_modules: ".*\\.(q|k|v|o|wi_0|wi_1|wo)", init_lora_weights: "gaussian" });
  assert.equal(readAdapter(directory, tiny).config.targetModules.length, 144);
});

function editConfig(directory: string, change: Record<string, unknown>): void {
  const path = join(directory, "adapter_config.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
}

test("foreign, damaged and unsupported adapters are refused by file and thing", () => {
  const directory = join(folder, "bad");
  const path = join(directory, "adapter_model.safetensors");
  const refused = (damage: () => void, message: RegExp) => {
    rmSync(directory, { recursive: true, force: true });
    writeAdapter(directory, randomAdapter(), t5Architecture);
    damage();
    assert.throws(() => readAdapter(directory, tiny), message);
  };
  const edit = (change: (tensors: Map<string, HostTensor>) => void) => () => {
    const { tensors } = readSafetensors(path);
    change(tensors);
    writeSafetensors(path, tensors);
  };
  const q = "base_model.model.encoder.block.3.layer.0.SelfAttention.q.lora_A.weight";
  refused(
    edit((tensors) => void tensors.delete(q)),
    /adapter_model\.safetensors: tensor .*block\.3.*lora_A\.weight is missing/,
  );
  refused(
    edit((tensors) => void tensors.set("other.weight", float32Tensor([1], Float32Array.of(1)))),
    /other\.weight has not PEFT's prefix/,
  );
  refused(
    edit(
      (tensors) => void tensors.set("base_model.model.extra.weight", float32Tensor([1], Float32Array.of(1))),
    ),
    /extra\.weight does not belong/,
  );
  refused(
    edit((tensors) => void tensors.set(q, float32Tensor([1, 12], new Float32Array(12)))),
    /lora_A\.weight has shape \[1, 12\], not \[2, 6\]/,
  );
  refused(() => editConfig(directory, { use_dora: true }), /adapter_config\.json: use_dora/);
  refused(() => editConfig(directory, { rank_pattern: { q: 4 } }), /rank_pattern/);
  refused(() => editConfig(directory, { peft_type: "IA3" }), /peft_type/);
  refused(
    () => writeFileSync(path, readFileSync(path).subarray(0, -1)),
    /adapter_model\.safetensors: not a valid safetensors file/,
  );
  refused(() => {
    rmSync(path);
    writeFileSync(join(directory, "adapter_model.bin"), "");
  }, /adapter_model\.bin is a pickle/);
});

test("16-bit adapters are read as float32", () => {
  const directory = join(folder, "half");
  writeAdapter(directory, randomAdapter(), t5Architecture);
  const path = join(directory, "adapter_model.safetensors");
  const { tensors } = readSafetensors(path);
  const half = new Map<string, HostTensor>(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      {
        dtype: "bfloat16",
        shape,
        data: Uint16Array.from(new Uint32Array((data as Float32Array).slice().buffer), (bits) => bits >>> 16),
      },
    ]),
  );
  writeSafetensors(path, half);
  const [name, tensor] = [...readAdapter(directory, tiny).weights][0]!;
  assert.deepEqual(tensor.data, toFloat32(half.get(`base_model.model.${name}`)!));
});
