import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openGguf } from "../../../src/models/gguf/model";
import { ropeFactors } from "../../../src/models/gguf/rope-factors";
import { GgufBytes } from "../../tensors/gguf/gguf-bytes";
import {
  bool,
  byteLevelFields,
  f32,
  list,
  type Metadata,
  modelFields,
  modelTensors,
  SIZES,
  text,
  u32,
  vocabularies,
  writeTiny,
} from "./tiny-gguf";

const folder = mkdtempSync(join(tmpdir(), "gguf-model-"));
test.after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "m.gguf");
const vocabulary = vocabularies.byteLevel["smollm"]!.tokens.length;

const llama = (more: Metadata = {}) => ({ ...modelFields("llama"), ...byteLevelFields("smollm"), ...more });
type Tensors = ReturnType<typeof modelTensors>;

function opening<T>(
  metadata: Metadata,
  tensors: Tensors,
  look: (model: ReturnType<typeof openGguf>) => T,
): T {
  const model = openGguf(writeTiny(path, metadata, tensors));
  try {
    return look(model);
  } finally {
    model.close();
  }
}
const vector = (name: string, ...values: number[]) =>
  [name, { type: "F32", shape: [values.length], values: () => Float32Array.from(values) }] as const;

test("a Llama's config is what Hugging Face's would be", () => {
  opening(llama(), modelTensors(vocabulary), ({ configFile, generationConfigFile }) => {
    assert.deepEqual(configFile, {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_act: "silu",
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 16,
      vocab_size: vocabulary,
      max_position_embeddings: 128,
      rms_norm_eps: 1e-5,
      rope_theta: 100000,
      rope_scaling: null,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 2,
    });
    assert.deepEqual(generationConfigFile, { bos_token_id: 1, eos_token_id: 2, pad_token_id: 2 });
  });
});

test("heads, biases, an own lm_head, several end tokens and scalings are said", () => {
  const tensors = modelTensors(vocabulary);
  tensors.set("output.weight", tensors.get("token_embd.weight")!);
  for (const part of ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_up"])
    tensors.set(...(vector(`blk.0.${part}.bias`, ...new Array<number>(64).fill(0)) as [string, never]));
  const more = {
    "llama.attention.key_length": u32(16),
    "llama.rope.scaling.type": text("linear"),
    "llama.rope.scaling.factor": f32(4),
    "tokenizer.ggml.eot_token_id": u32(0),
  };
  opening(llama(more), tensors, ({ configFile }) => {
    const { tie_word_embeddings, attention_bias, mlp_bias, eos_token_id, rope_scaling } = configFile;
    assert.deepEqual([tie_word_embeddings, attention_bias, mlp_bias], [false, true, true]);
    assert.deepEqual(eos_token_id, [2, 0]);
    assert.deepEqual(rope_scaling, { rope_type: "linear", factor: 4 });
  });
  // A template that ends turns with a token which is not EOS.
  opening(llama({ "tokenizer.ggml.eos_token_id": u32(0) }), modelTensors(vocabulary), ({ configFile }) =>
    assert.deepEqual(configFile["eos_token_id"], [0, 2]),
  );
  const scaling = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 } as const; // prettier-ignore
  const scaled = modelTensors(vocabulary);
  scaled.set(...(vector("rope_freqs.weight", ...ropeFactors(scaling, 100000, 16)) as [string, never]));
  opening(llama(), scaled, ({ configFile, shapes }) => {
    assert.deepEqual(configFile["rope_scaling"], scaling);
    assert.ok(![...shapes.keys()].some((name) => name.includes("rope")));
  });
});

test("a Llama's q and k come in Hugging Face's order, biases as well; a Qwen's are in it", () => {
  const biased = (tensors: Tensors) => {
    tensors.set(
      ...(vector("blk.0.attn_q.bias", ...Array.from({ length: 64 }, (_, i) => i)) as [string, never]),
    );
    return tensors;
  };
  // Row r of a head of 16 of the file is pair r >> 1, component r & 1.
  const order = (rows: number) =>
    Array.from({ length: rows }, (_, r) => (r & ~15) + 2 * (r % 8) + ((r >> 3) & 1));
  for (const [kind, joined] of [
    ["llama", true],
    ["qwen2", false],
    ["qwen3", false],
  ] as const) {
    const tensors = biased(modelTensors(vocabulary));
    const metadata = { ...modelFields(kind), ...byteLevelFields("smollm") };
    opening(metadata, tensors, (model) => {
      assert.equal(model.configFile["model_type"], kind);
      for (const [name, tensor, rows, width] of [
        ["self_attn.q_proj.weight", "attn_q.weight", 64, 64],
        ["self_attn.k_proj.weight", "attn_k.weight", 32, 64],
        ["self_attn.v_proj.weight", "attn_v.weight", 32, 64],
        ["self_attn.q_proj.bias", "attn_q.bias", 64, 1],
      ] as const) {
        const stored = tensors.get(`blk.0.${tensor}`)!.values();
        const moved = joined && !name.includes("v_proj");
        const from = moved ? order(rows) : Array.from({ length: rows }, (_, r) => r);
        const wanted = from.flatMap((row) => [...stored.subarray(row * width, (row + 1) * width)]);
        const parameter = `model.layers.0.${name}`;
        assert.deepEqual([...model.get(parameter)!.data], wanted, `${kind} ${name}`);
        const place = model.locate(parameter);
        assert.equal(place === undefined, moved);
        if (place) assert.equal(readFileSync(path).readFloatLE(place.offset), wanted[0]);
      }
    });
  }
});

test("weights in blocks are given as they are, in the same order as their values", () => {
  opening(llama(), modelTensors(vocabulary, "Q8_0"), (model) => {
    let seen = 0;
    for (const [name, shape] of model.shapes) {
      const kept = model.rounded!(name);
      assert.equal(kept !== undefined, shape.length === 2, name);
      if (!kept) continue;
      seen++;
      assert.equal(kept.scheme, "Q8_0");
      const [rows, width] = shape as [number, number];
      const values = kept.tensors[`${name}.values`]!;
      const scales = kept.tensors[`${name}.scales`]!;
      assert.deepEqual([values.dtype, values.shape], ["uint8", [rows, width / 32, 32]]);
      assert.deepEqual([scales.dtype, scales.shape], ["float32", [rows, width / 32]]);
      const codes = values.data as Uint8Array;
      const each = scales.data as Float32Array;
      const expanded = Float32Array.from(codes, (code, i) => (code - 128) * each[i >> 5]!);
      assert.deepEqual(
        [...expanded].map((x) => x + 0),
        [...model.get(name)!.data].map((x) => x + 0),
        name,
      );
    }
    assert.equal(seen, 15);
    assert.equal(model.rounded!("something"), undefined);
  });
});

test("4-bit codes go two by two into a byte, with minimums where the type has them", () => {
  const block = [0x00, 0x3c, 0x00, 0xc0, ...Array.from({ length: 16 }, (_, j) => (j % 16) | ((15 - j) << 4))];
  const q41 = (rows: number, width: number) => Buffer.from(new Array((rows * width) / 32).fill(block).flat());
  const metadata = Object.entries(llama());
  assert.ok(metadata.length > 0);
  // The tensors of a whole file, the embedding in Q4_1.
  const plain = writeTiny(path, llama(), new Map());
  const header = readFileSync(plain);
  header.writeBigUInt64LE(1n, 8);
  const bytes = new GgufBytes()
    .raw(header.subarray(0, lengthOfMetadata(plain)))
    .tensor("token_embd.weight", [64, vocabulary], 3, 0)
    .align()
    .raw(q41(vocabulary, 64));
  writeFileSync(path, bytes.bytes());
  const model = openGguf(path);
  const name = "model.embed_tokens.weight";
  const kept = model.rounded!(name)!;
  assert.equal(kept.scheme, "Q4_1");
  assert.deepEqual(kept.tensors[`${name}.values`]!.shape, [vocabulary, 2, 16]);
  const values = kept.tensors[`${name}.values`]!.data as Uint8Array;
  assert.deepEqual([...values.subarray(0, 16)], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01]); // prettier-ignore
  assert.deepEqual([...(kept.tensors[`${name}.minimums`]!.data as Float32Array).subarray(0, 2)], [-2, -2]);
  assert.deepEqual([...model.get(name)!.data.subarray(0, 3)], [-2, -1, 0]);
  model.close();
});

/** Where the metadata of a file without tensors end: the writer fills up to 32 bytes with zeros, which no value ends with. */
function lengthOfMetadata(file: string): number {
  const bytes = readFileSync(file);
  let end = bytes.length;
  while (bytes[end - 1] === 0) end--;
  return end;
}

test("what is not supported is refused with the name of the key or tensor", () => {
  const tensors = () => modelTensors(vocabulary);
  const and = (name: string, ...shape: number[]): Tensors =>
    tensors().set(name, {
      type: "F32",
      shape,
      values: () => new Float32Array(shape.reduce((a, b) => a * b, 1)),
    });
  const refused: [Metadata, Tensors, RegExp][] = [
    [llama({ "general.architecture": text("mamba") }), tensors(), /m\.gguf: general\.architecture "mamba" is not supported; the kinds are llama, qwen2, qwen3/],
    [llama({ "general.architecture": text("constructor") }), tensors(), /general\.architecture "constructor" is not supported/],
    [byteLevelFields("smollm"), tensors(), /general\.architecture is missing/],
    [llama({ "llama.expert_count": u32(8) }), tensors(), /llama\.expert_count: a mixture of experts is not supported/],
    [llama({ "llama.attention.sliding_window": u32(64) }), tensors(), /llama\.attention\.sliding_window: a window of 64 tokens is not supported/],
    [llama({ "llama.rope.dimension_count": u32(8), "llama.attention.key_length": u32(16) }), tensors(), /rope\.dimension_count: rotating 8 of 16 components/],
    [llama({ "llama.attention.key_length": u32(16), "llama.attention.value_length": u32(32) }), tensors(), /value_length: 32 where keys have 16/],
    [llama({ "llama.rope.scaling.type": text("yarn") }), tensors(), /llama\.rope\.scaling\.type "yarn" is not supported/],
    [llama({ "llama.vocab_size": u32(7) }), tensors(), /llama\.vocab_size is 7, but token_embd\.weight has \d+ rows/],
    [llama({ "llama.block_count": text("2") }), tensors(), /llama\.block_count is string "2", where a whole number/],
    [llama({ "llama.attention.head_count": list("int32", [4, 4]) }), tensors(), /llama\.attention\.head_count is a list of 2 int32, where a whole number/],
    [llama({ "llama.attention.head_count": u32(0) }), tensors(), /llama\.attention\.head_count: a model without heads/],
    [llama({ "tokenizer.ggml.eos_token_id": u32(99999) }), tensors(), /eos_token_id is 99999, but there are/],
    [llama({ "llama.attention.head_count_kv": u32(3) }), tensors(), /blk\.0\.attn_k\.weight has 32 rows, which are not 3 heads of an even size/],
    [llama(), and("blk.0.ffn_gate_exps.weight", 1), /tensor blk\.0\.ffn_gate_exps\.weight is not one of a llama's/],
    [llama(), and("rope_freqs.weight", 3), /rope_freqs\.weight has 3 factors, where 8 are needed/],
    [llama(), and("rope_freqs.weight", 8), /rope_freqs\.weight holds factors that are not Llama 3's/],
    [llama(), new Map<string, never>(), /missing tensors: token_embd\.weight/],
  ]; // prettier-ignore
  for (const [metadata, all, message] of refused)
    assert.throws(() => opening(metadata, all, () => {}), message);
  for (const key of [
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.layer_norm_rms_epsilon",
  ]) {
    const metadata: Metadata = Object.fromEntries(
      Object.entries(llama()).filter(([name]) => name !== `llama.${key}`),
    );
    assert.throws(
      () => opening(metadata, tensors(), () => {}),
      new RegExp(`m\\.gguf: llama\\.${key} is missing`),
    );
  }
  assert.equal(SIZES.layers, 2);
});

test("a tensor of a type that is not read is refused on opening, with the remedy", () => {
  const plain = writeTiny(path, llama(), new Map());
  const header = readFileSync(plain);
  header.writeBigUInt64LE(1n, 8);
  const bytes = new GgufBytes()
    .raw(header.subarray(0, lengthOfMetadata(plain)))
    .tensor("token_embd.weight", [256, vocabulary], 14, 0)
    .align()
    .raw(Buffer.alloc(210 * vocabulary));
  writeFileSync(path, bytes.bytes());
  assert.throws(
    () => openGguf(path),
    /m\.gguf: tensor token_embd\.weight is Q6_K, which is not read.*llama-quantize --allow-requantize/,
  );
});

test("values that are not finite are refused when they are read", () => {
  const tensors = modelTensors(vocabulary);
  opening(llama(), tensors, () => {});
  const bytes = readFileSync(path);
  const model = openGguf(path);
  const { offset } = model.locate("model.norm.weight")!;
  model.close();
  bytes.writeFloatLE(Infinity, offset);
  writeFileSync(path, bytes);
  const holed = openGguf(path);
  assert.throws(
    () => holed.get("model.norm.weight"),
    /m\.gguf: tensor output_norm\.weight holds values that are not finite numbers \(1 of 64\)/,
  );
  assert.throws(() => holed.locate("model.norm.weight"), /output_norm\.weight/);
  holed.close();
});

test("whatever a field holds, a file is opened or refused with an Error that names it", () => {
  const fields = llama();
  const value = fc.oneof(
    fc.nat().map(u32),
    fc.float().map(f32),
    fc.constant(bool(true)),
    fc.string().map(text),
    fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }).map((numbers) => list("int32", numbers)),
  );
  const tensors = modelTensors(vocabulary);
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(fields)), value, (key, changed) => {
      try {
        opening({ ...fields, [key]: changed }, tensors, (model) =>
          model.get("model.layers.0.self_attn.q_proj.weight"),
        );
      } catch (error) {
        assert.match((error as Error).message, /m\.gguf: /);
      }
    }),
    { numRuns: 150 },
  );
});
