import { t5Architecture } from "../../../src/models/t5/architecture";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeJson } from "../../../src/io/files";
import { readAdapter, writeAdapter } from "../../../src/models/lora/adapter";
import { findTrainable } from "../../../src/models/lora/trainable";
import { mergeAdapter } from "../../../src/models/lora/weights";
import { parseT5Config } from "../../../src/models/t5/config";
import { T5Generator } from "../../../src/models/t5/generator";
import { parameterShapes } from "../../../src/models/t5/parameters";
import { padBatch } from "../../../src/models/tokenizer/tokenizer";
import { readSafetensors, writeSafetensors } from "../../../src/tensors/file";
import { float32Tensor, type HostTensor } from "../../../src/tensors/tensor";

/** What PEFT makes of configurations; made by make/models_peft.py. */
interface Expected {
  readonly sizes: Record<string, unknown>;
  readonly input: number[];
  readonly decoderInput: number[];
  readonly cases: Record<string, PeftCase>;
}
interface PeftCase {
  readonly config: Record<string, unknown>;
  /** Modules with an A and a B. */
  readonly modules: string[];
  /** Shapes of the file's other tensors. */
  readonly others: Record<string, number[]>;
  readonly logits: number[];
}
const expected = JSON.parse(
  readFileSync(join(__dirname, "../../fixtures/models_peft.json"), "utf8"),
) as Expected;
const model = parseT5Config(expected.sizes);
const tiny = { architecture: t5Architecture, config: model };
const shapes = new Map(Object.entries(parameterShapes(model)));

const folder = mkdtempSync(join(tmpdir(), "peft-"));
test.after(() => rmSync(folder, { recursive: true }));
let count = 0;

/** sin(1 + 0.7 i + 1.3 index) */
const wave = (index: number, shape: readonly number[]) =>
  new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => Math.sin(1 + 0.7 * i + 1.3 * index));

const base = new Map(
  [...shapes.keys()].sort().map((name, index) => {
    const values = wave(index, shapes.get(name)!);
    const data = values.map((value) => (name.includes("layer_norm") ? 1 + 0.1 * value : 0.5 * value));
    return [name, float32Tensor(shapes.get(name)!, data)] as const;
  }),
);

/** The adapter of a case as PEFT writes it, with changes to its configuration and its tensors. */
function directoryOf(
  { config, modules, others }: PeftCase,
  fields: Record<string, unknown> = {},
  change: (tensors: Map<string, HostTensor>) => void = () => {},
): string {
  const directory = join(folder, String(count++));
  const ofModules = modules.flatMap((module) => {
    const [out, inputs] = shapes.get(`${module}.weight`) as [number, number];
    return [
      [`${module}.lora_A.weight`, [2, inputs]],
      [`${module}.lora_B.weight`, [out, 2]],
    ] as [string, number[]][];
  });
  const all = new Map<string, readonly number[]>([...ofModules, ...Object.entries(others)]);
  const tensors = new Map<string, HostTensor>(
    [...all.keys()].sort().map((name, index) => {
      const shape = all.get(name)!;
      return [
        `base_model.model.${name}`,
        float32Tensor(
          shape,
          wave(index, shape).map((value) => 0.3 * value),
        ),
      ];
    }),
  );
  change(tensors);
  writeSafetensors(join(directory, "adapter_model.safetensors"), tensors);
  writeJson(join(directory, "adapter_config.json"), { ...config, ...fields });
  return directory;
}

const plain = expected.cases["names"]!;
const refused = (
  message: RegExp,
  ...args: [Record<string, unknown>?, ((tensors: Map<string, HostTensor>) => void)?]
) => {
  const directory = directoryOf(plain, ...args);
  assert.throws(
    () => readAdapter(directory, tiny),
    (error: Error) => {
      assert.match(error.message, message);
      assert.ok(error.message.includes(directory), error.message);
      return true;
    },
  );
};

for (const [name, peft] of Object.entries(expected.cases)) {
  test(`modules and logits are PEFT's: ${name}`, async () => {
    const adapter = readAdapter(directoryOf(peft), tiny);
    const adapted = [...adapter.weights.keys()].filter((key) => key.endsWith(".lora_A.weight"));
    assert.deepEqual(adapted.map((key) => key.slice(0, -14)).sort(), peft.modules);

    const generator = await T5Generator.create({ config: model, parameters: mergeAdapter(base, adapter) });
    const decoder = await generator.startDecoder(padBatch([expected.input], 0), 1, 10);
    let logits = new Float32Array();
    for (const token of expected.decoderInput)
      logits = (await decoder.nextLogits(Int32Array.of(token))) as typeof logits;
    await generator.dispose();
    peft.logits.forEach((value, i) =>
      assert.ok(
        Math.abs(logits[i]! - value) < 1e-4 * Math.max(1, Math.abs(value)),
        `logit ${i}: ${logits[i]}, not ${value}`,
      ),
    );

    // What it was read as means the same to the trainer, and again when it is written.
    const { targets } = findTrainable(t5Architecture, shapes, adapter.config);
    assert.deepEqual(targets.map(({ module }) => module).sort(), peft.modules);
    const again = join(folder, String(count++));
    writeAdapter(again, adapter, t5Architecture);
    assert.deepEqual(readAdapter(again, tiny).weights, adapter.weights);
  });
}

test("a pattern that only Python understands leaves it to the file", () => {
  const directory = directoryOf(plain, { target_modules: "(?x) .* \\. (q|v)  # queries and values" });
  assert.deepEqual([...readAdapter(directory, tiny).config.targetModules].sort(), plain.modules);
});

test("what does not fit the configuration is refused: too few, too many, none", () => {
  const module = "decoder.block.0.layer.0.SelfAttention.k";
  refused(/SelfAttention\.k\.lora_A\.weight is missing/, { target_modules: ["q", "k", "v"] });
  refused(/SelfAttention\.v\.lora_A\.weight does not belong .* PEFT would leave the tensor out/, {
    target_modules: ["q"],
  });
  refused(/target_modules \["query"\] .* match no module of this model, which has .*q, k, v, o/, {
    target_modules: ["query"],
  });
  refused(/match no module/, { layers_to_transform: [7] });
  refused(/layers_to_transform is for a list/, { target_modules: ".*q", layers_to_transform: [0] });
  refused(/does not belong/, {}, (tensors) => {
    tensors.set(`base_model.model.${module}.lora_A.weight`, float32Tensor([2, 8], new Float32Array(16)));
  });
});

test("first weights that changed the base are refused by name, with the way to convert them; others are harmless", () => {
  for (const init of ["pissa", "pissa_niter_16", "olora", "OLoRA", "corda", "loftq", "lora_ga"])
    refused(/init_lora_weights is ".*path_initial_model_for_weight_conversion.*merge_and_unload/s, {
      init_lora_weights: init,
    });
  refused(/init_lora_weights is "new-way", which is not known here/, { init_lora_weights: "new-way" });
  for (const init of [true, false, null, "gaussian", "eva", "orthogonal", "mica"])
    readAdapter(directoryOf(plain, { init_lora_weights: init }), tiny);
});

test("fields that change what an adapter means are refused where they are set, by name", () => {
  for (const [field, value] of Object.entries({
    bias: "all",
    use_dora: true,
    use_qalora: true,
    lora_bias: true,
    rank_pattern: { q: 4 },
    alpha_pattern: { q: 4 },
    layer_replication: [[0, 2]],
    target_parameters: ["experts.w"],
    trainable_token_indices: [3],
    alora_invocation_tokens: [3, 4],
    use_bdlora: {},
    arrow_config: { top_k: 3 },
    kasa_config: {},
    monteclora_config: { num_samples: 8 },
    megatron_config: { a: 1 },
  }))
    refused(new RegExp(`adapter_config\\.json: ${field} is .*merge_and_unload`), { [field]: value });
  refused(/ensure_weight_tying/, { ensure_weight_tying: true, modules_to_save: ["lm_head"] });
  for (const type of ["IA3", "ADALORA", "PROMPT_TUNING", undefined])
    refused(/peft_type is .*only adapters of the type "LORA"/, { peft_type: type });
  refused(/adapter_config\.json: r: /, { r: "four" });
});

test("the same fields are read where they are off, and unknown ones where they cannot change the meaning", () => {
  const off = {
    bias: "none",
    use_dora: false,
    rank_pattern: {},
    alpha_pattern: null,
    layer_replication: null,
    target_parameters: [],
    trainable_token_indices: null,
    use_bdlora: null,
    kasa_config: null,
    megatron_config: null,
    megatron_core: "megatron.core",
    qalora_group_size: 16,
    loftq_config: { loftq_bits: 4 },
    eva_config: { rho: 2 },
    auto_mapping: { base_model_class: "T5" },
    runtime_config: { ephemeral_gpu_offload: false },
    exclude_modules: null,
    layers_pattern: "",
    future_size: 16,
    future_name: "name",
    future_variant: false,
    future_config: null,
    future_list: [],
  };
  readAdapter(directoryOf(plain, off), tiny);
  for (const value of [true, { rate: 1 }, [1]])
    refused(/future_variant is .*not known here and may change what the adapter means/, {
      future_variant: value,
    });
});

test("PEFT's defaults stand for what an old configuration leaves out", () => {
  const { config } = readAdapter(
    directoryOf(plain, { r: undefined, lora_alpha: undefined, target_modules: undefined }, (tensors) => {
      for (const [name, { shape }] of tensors) {
        const wide = shape.map((length, i) => ((i === 0) === name.includes("lora_A") ? 8 : length));
        tensors.set(name, float32Tensor(wide, new Float32Array(wide[0]! * wide[1]!)));
      }
    }),
    tiny,
  );
  assert.deepEqual([config.rank, config.alpha, config.targetModules], [8, 8, ["q", "v"]]);
});

test("values that are not finite numbers are refused with tensor, count and file", () => {
  const name = `base_model.model.${plain.modules[0]}.lora_B.weight`;
  for (const value of [NaN, Infinity, -Infinity])
    refused(
      /adapter_model\.safetensors: tensor .*lora_B\.weight holds values that are not finite numbers \(2 of 16\)/,
      {},
      (tensors) => (tensors.get(name) as HostTensor<"float32">).data.fill(value, 3, 5),
    );
  refused(/not finite numbers \(16 of 16\)/, {}, (tensors) =>
    tensors.set(name, { dtype: "float16", shape: [8, 2], data: new Uint16Array(16).fill(0x7c00) }),
  );
  const directory = directoryOf(plain);
  const norm = "encoder.final_layer_norm.weight";
  writeSafetensors(
    join(directory, "unfrozen.safetensors"),
    new Map([[norm, float32Tensor([8], new Float32Array(8).fill(NaN))]]),
  );
  assert.throws(() => readAdapter(directory, tiny), /unfrozen\.safetensors: tensor encoder.*\(8 of 8\)/);
});

test("embeddings saved with an adapter are said to be that, with what to do", () => {
  const add =
    (...names: string[]) =>
    (tensors: Map<string, HostTensor>) => {
      for (const name of names)
        tensors.set(`base_model.model.${name}`, float32Tensor([30, 8], new Float32Array(240)));
    };
  for (const names of [
    ["shared.weight", "lm_head.weight"],
    ["encoder.embed_tokens.weight"],
    ["lm_head.base_layer.weight"],
  ])
    refused(
      /is an embedding of the base, which PEFT saves .*save_embedding_layers=False.*merge_and_unload/,
      {},
      add(...names),
    );
  refused(
    /embed_tokens\.weight is an embedding .* that modules_to_save \(embed_tokens\) trained apart/,
    { modules_to_save: ["embed_tokens"] },
    add("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"),
  );
  refused(/lora_embedding_A adapts an embedding/, {}, add("shared.lora_embedding_A"));
  refused(/is of DoRA/, {}, add("x.q.lora_magnitude_vector.weight"));
});

test("an adapter's files that are something else are said to be what they are", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
  for (const name of ["adapter_config.json", "adapter_model.safetensors"])
    for (const [content, said] of [
      [pointer, /Git LFS pointer .*git lfs pull/],
      ["<html>", /is an HTML page/],
      ["PK\x03\x04".padEnd(26, "\0") + "\x10\0\0\0archive/data.pkl", /pickle/],
      ["", /is empty/],
    ] as const) {
      const directory = directoryOf(plain);
      writeFileSync(join(directory, name), content, "latin1");
      assert.throws(() => readAdapter(directory, tiny), said);
      assert.throws(() => readAdapter(directory, tiny), new RegExp(name.replace(".", "\\.")));
    }
});

test("what was read from paths is written with paths, so that PEFT adapts no further modules", () => {
  const adapter = readAdapter(directoryOf(expected.cases["blocks of a list"]!), tiny);
  const directory = join(folder, String(count++));
  writeAdapter(directory, adapter, t5Architecture);
  const config = JSON.parse(readFileSync(join(directory, "adapter_config.json"), "utf8")) as Record<
    string,
    string[]
  >;
  assert.deepEqual([...config["target_modules"]!].sort(), expected.cases["blocks of a list"]!.modules);
  const { tensors } = readSafetensors(join(directory, "adapter_model.safetensors"));
  assert.equal(tensors.size, 12);
});
