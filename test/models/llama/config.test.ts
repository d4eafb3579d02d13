import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { architectureOf } from "../../../src/models/architectures";
import {
  type LlamaConfig,
  llamaConfigFile,
  llamaFamilies,
  type LlamaFamily,
  parseLlamaConfig,
} from "../../../src/models/llama/config";
import { parameterShapes } from "../../../src/models/llama/parameters";
import { rotaryFrequencies } from "../../../src/models/llama/rotary";

type File = Record<string, unknown>;

const sizes = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
};

/** As the registered kind of model reads it. */
const parse = (file: File, generation?: File) =>
  architectureOf(file, "m/config.json").parseConfig(file, "m/config.json", generation) as LlamaConfig;

/** A small config with other fields; `undefined` leaves one out. */
const withFields = (fields: File, family: LlamaFamily = "llama", generation?: File) => {
  const file = { ...sizes, model_type: family, num_key_value_heads: 8, ...fields };
  return parse(
    Object.fromEntries(Object.entries(file).filter(([, value]) => value !== undefined)),
    generation,
  );
};

test("what a file leaves out is what transformers 5.24 takes for it", () => {
  const common = {
    headDim: 128,
    rmsNormEpsilon: 1e-6,
    rope: { theta: 10000 },
    tieWordEmbeddings: false,
    attentionDropout: 0,
    initializerRange: 0.02,
    headNorms: false,
    biases: { qkv: false, output: false, feedForward: false },
  };
  const ends = { bosTokenId: 1, eosTokenIds: [2], padTokenId: 2 };
  const none = { eosTokenIds: [], padTokenId: 0 };
  const expected = {
    llama: { ...common, ...ends, maxPositions: 2048, numKeyValueHeads: 32 },
    mistral: { ...common, ...ends, maxPositions: 131072, numKeyValueHeads: 8 },
    qwen2: {
      ...common,
      ...none,
      maxPositions: 32768,
      numKeyValueHeads: 32,
      biases: { ...common.biases, qkv: true },
    },
    qwen3: { ...common, ...none, maxPositions: 32768, numKeyValueHeads: 32, headNorms: true },
  };
  for (const family of Object.keys(llamaFamilies) as LlamaFamily[]) {
    // Mistral's window is 4,096 where a file has none, which is refused.
    const window = family === "mistral" ? { sliding_window: null } : {};
    assert.deepEqual(parse({ ...sizes, model_type: family, ...window }), {
      family,
      vocabSize: 32000,
      hiddenSize: 4096,
      intermediateSize: 11008,
      numLayers: 32,
      numHeads: 32,
      ...expected[family],
    });
  }
});

test("the sizes of a Qwen3's heads are 128 whatever the model's are, other models' follow from them", () => {
  const headDim = (family: LlamaFamily, fields: File = {}) =>
    withFields({ hidden_size: 2048, sliding_window: null, ...fields }, family).headDim;
  assert.deepEqual(
    ["llama", "mistral", "qwen2"].map((family) => headDim(family as LlamaFamily)),
    [64, 64, 64],
  );
  assert.equal(headDim("qwen3"), 128);
  assert.equal(headDim("llama", { head_dim: null }), 64);
  assert.equal(headDim("llama", { head_dim: 96 }), 96);
});

const llama3Scaling = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** Models as their repositories' config.json say them, as [file, parameters, part of the config]. */
const published: Record<string, [File, number, Partial<LlamaConfig>]> = {
  "Llama 2 7B": [
    {
      ...sizes,
      model_type: "llama",
      num_key_value_heads: 32,
      max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      pretraining_tp: 1,
      rope_scaling: null,
    },
    6_738_415_616,
    { numKeyValueHeads: 32, headDim: 128, eosTokenIds: [2] },
  ],
  "Llama 2 13B, once trained on two machines": [
    {
      model_type: "llama",
      vocab_size: 32000,
      hidden_size: 5120,
      intermediate_size: 13824,
      num_hidden_layers: 40,
      num_attention_heads: 40,
      pretraining_tp: 2,
      pad_token_id: -1,
    },
    13_015_864_320,
    { numKeyValueHeads: 40, padTokenId: 2 },
  ],
  "Llama 3 8B": [
    {
      model_type: "llama",
      vocab_size: 128256,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      max_position_embeddings: 8192,
      rope_theta: 500000,
      bos_token_id: 128000,
      eos_token_id: 128001,
    },
    8_030_261_248,
    { rope: { theta: 500000 }, bosTokenId: 128000, eosTokenIds: [128001], padTokenId: 128001 },
  ],
  "Llama 3.2 1B Instruct": [
    {
      model_type: "llama",
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 64,
      max_position_embeddings: 131072,
      rope_theta: 500000,
      rope_scaling: { ...llama3Scaling, factor: 32 },
      tie_word_embeddings: true,
      bos_token_id: 128000,
      eos_token_id: [128001, 128008, 128009],
    },
    1_235_814_400,
    {
      rope: {
        theta: 500000,
        scaling: {
          type: "llama3",
          factor: 32,
          lowFrequencyFactor: 1,
          highFrequencyFactor: 4,
          originalMaxPositions: 8192,
        },
      },
      eosTokenIds: [128001, 128008, 128009],
    },
  ],
  "SmolLM2 135M Instruct": [
    {
      model_type: "llama",
      vocab_size: 49152,
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      max_position_embeddings: 8192,
      rope_theta: 100000,
      rope_interleaved: false,
      rope_scaling: null,
      tie_word_embeddings: true,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 2,
      rms_norm_eps: 1e-5,
    },
    134_515_008,
    { headDim: 64, padTokenId: 2 },
  ],
  "TinyLlama 1.1B": [
    {
      model_type: "llama",
      vocab_size: 32000,
      hidden_size: 2048,
      intermediate_size: 5632,
      num_hidden_layers: 22,
      num_attention_heads: 32,
      num_key_value_heads: 4,
    },
    1_100_048_384,
    { headDim: 64, maxPositions: 2048 },
  ],
  "Mistral 7B v0.3": [
    {
      ...sizes,
      model_type: "mistral",
      vocab_size: 32768,
      intermediate_size: 14336,
      max_position_embeddings: 32768,
      rope_theta: 1000000,
      sliding_window: null,
    },
    7_248_023_552,
    { numKeyValueHeads: 8 },
  ],
  "Qwen2 0.5B": [
    {
      model_type: "qwen2",
      vocab_size: 151936,
      hidden_size: 896,
      intermediate_size: 4864,
      num_hidden_layers: 24,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      max_position_embeddings: 131072,
      max_window_layers: 24,
      rope_theta: 1000000,
      sliding_window: 131072,
      use_sliding_window: false,
      tie_word_embeddings: true,
      bos_token_id: 151643,
      eos_token_id: 151643,
    },
    494_032_768,
    { biases: { qkv: true, output: false, feedForward: false } },
  ],
  "Qwen2.5 7B Instruct": [
    {
      model_type: "qwen2",
      vocab_size: 152064,
      hidden_size: 3584,
      intermediate_size: 18944,
      num_hidden_layers: 28,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      max_position_embeddings: 32768,
      max_window_layers: 28,
      rope_theta: 1000000,
      sliding_window: 131072,
      use_sliding_window: false,
      bos_token_id: 151643,
      eos_token_id: 151645,
    },
    7_615_616_512,
    { eosTokenIds: [151645] },
  ],
  "Qwen3 0.6B": [
    {
      model_type: "qwen3",
      vocab_size: 151936,
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      head_dim: 128,
      max_position_embeddings: 40960,
      max_window_layers: 28,
      rope_theta: 1000000,
      sliding_window: null,
      use_sliding_window: false,
      attention_bias: false,
      tie_word_embeddings: true,
      bos_token_id: 151643,
      eos_token_id: 151645,
    },
    596_049_920,
    { headNorms: true },
  ],
};

for (const [name, [file, count, expected]] of Object.entries(published)) {
  test(`${name}: its number of parameters follows from its config, in the layout of transformers 5 too`, () => {
    const config = parse(file);
    const total = Object.values(parameterShapes(config)).reduce(
      (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    assert.equal(total, count);
    for (const [field, value] of Object.entries(expected))
      assert.deepEqual(config[field as keyof LlamaConfig], value, field);
    const { rope_theta, rope_scaling, ...others } = file;
    const rope_parameters = {
      rope_type: "default",
      rope_theta: rope_theta ?? 10000,
      ...(rope_scaling as object),
    };
    assert.deepEqual(parse({ ...others, rope_parameters }), config);
    assert.deepEqual(parse(llamaConfigFile(config)), config);
  });
}

test("a window counts where a block has one that is shorter than the positions", () => {
  const window = (fields: File, family: LlamaFamily = "qwen2") =>
    withFields({ num_hidden_layers: 2, max_position_embeddings: 32768, ...fields }, family);
  const uses = { use_sliding_window: true, sliding_window: 1024 };
  const full = ["full_attention", "full_attention"];
  for (const fields of [
    { ...uses, use_sliding_window: false },
    { ...uses, sliding_window: 32768 },
    { ...uses, sliding_window: null },
    { ...uses, max_window_layers: 2 },
    uses, // whose max_window_layers are 28
    { ...uses, max_window_layers: 0, layer_types: full },
  ])
    for (const family of ["qwen2", "qwen3"] as const) window(fields, family);
  for (const fields of [
    { ...uses, max_window_layers: 1 },
    { use_sliding_window: true, max_window_layers: 1 }, // whose window is 4,096
    { ...uses, layer_types: ["full_attention", "sliding_attention"] },
  ])
    for (const family of ["qwen2", "qwen3"] as const)
      assert.throws(
        () => window(fields, family),
        /m\/config\.json: sliding_window (1024|4096) is shorter than/,
      );

  for (const fields of [{}, { sliding_window: 1024 }, { sliding_window: 1024, layer_types: full }])
    assert.throws(() => window(fields, "mistral"), /set max_position_embeddings to (1024|4096)$/);
  window({ sliding_window: 1024, max_position_embeddings: 1024 }, "mistral");
  window({ sliding_window: 1024 }, "llama");
});

test("both layouts of rotary fields at once must say the same", () => {
  const linear = { rope_type: "linear", factor: 2 };
  const rope = (fields: File) => withFields(fields).rope;
  assert.deepEqual(rope({ rope_theta: 500, rope_parameters: { rope_type: "default", rope_theta: 500 } }), {
    theta: 500,
  });
  const scaled = { theta: 500, scaling: { type: "linear", factor: 2 } };
  assert.deepEqual(rope({ rope_scaling: { ...linear, rope_theta: 500 } }), scaled);
  assert.deepEqual(rope({ rope_theta: 500, rope_scaling: { type: "linear", factor: 2 } }), scaled);
  assert.deepEqual(rope({ rope_theta: 500, rope_scaling: linear, rope_parameters: linear }), scaled);
  assert.deepEqual(rope({ rope_scaling: {}, rope_parameters: null }), { theta: 10000 });
  for (const [fields, said] of [
    [
      { rope_theta: 500, rope_parameters: { rope_type: "default", rope_theta: 10000 } },
      /rope_theta is 500 and rope_parameters\.rope_theta is 10000: keep the one/,
    ],
    [{ rope_theta: 500, rope_scaling: { ...linear, rope_theta: 7 } }, /rope_scaling\.rope_theta is 7/],
    [{ rope_scaling: linear, rope_parameters: { rope_type: "default" } }, /say different things/],
  ] as const)
    assert.throws(() => withFields(fields), said);
});

test("end tokens are generation_config.json's, else the config's", () => {
  const ends = (eos: unknown, generation?: File) =>
    withFields({ eos_token_id: eos }, "llama", generation).eosTokenIds;
  assert.deepEqual(ends(3), [3]);
  assert.deepEqual(ends([3, 4]), [3, 4]);
  assert.deepEqual(ends(null), []);
  assert.deepEqual(ends([]), []);
  assert.deepEqual(ends(3, { eos_token_id: [5, 6] }), [5, 6]);
  assert.deepEqual(ends(3, { eos_token_id: null }), [3]);
  assert.deepEqual(ends(3, {}), [3]);
  assert.throws(() => ends(3, { eos_token_id: "5" }), /eos_token_id "5" of generation_config\.json/);
  assert.throws(
    () => ends(3, { eos_token_id: [5, 40000] }),
    /eos_token_id 40000 of generation_config\.json is not/,
  );
});

/** What is refused: fields beside the sizes, and words of the sentence that says so. */
const refused: [LlamaFamily, File, RegExp][] = [
  ["llama", { hidden_size: undefined, text_config: {} }, /text_config: a model of texts and images/],
  [
    "llama",
    { hidden_size: undefined, vocab_size: undefined },
    /there is no vocab_size; there is no hidden_size/,
  ],
  [
    "llama",
    { architectures: ["LlamaForSequenceClassification"] },
    /LlamaForSequenceClassification.*take one of/,
  ],
  ["qwen3", { architectures: ["Qwen3Model"] }, /Qwen3Model/],
  ["llama", { vocab_size: "32000" }, /not "32000", at vocab_size/],
  ["llama", { vocab_size: 0 }, /at vocab_size/],
  ["llama", { hidden_size: 4096.5 }, /at hidden_size/],
  ["llama", { hidden_size: 1e15 }, /at hidden_size/],
  ["llama", { num_hidden_layers: 1e9 }, /1000000000, at num_hidden_layers/],
  ["llama", { num_attention_heads: -32 }, /at num_attention_heads/],
  ["llama", { num_attention_heads: 100 }, /num_attention_heads 100 is no multiple of num_key_value_heads 8/],
  [
    "mistral",
    { num_attention_heads: 4, num_key_value_heads: undefined, sliding_window: null },
    /8, transformers' where a file has none/,
  ],
  ["llama", { head_dim: 33 }, /a head is 33 wide/],
  ["llama", { max_position_embeddings: 1e12 }, /at max_position_embeddings/],
  ["llama", { rms_norm_eps: "1e-5" }, /not "1e-5", at rms_norm_eps/],
  ["llama", { rms_norm_eps: 0 }, /at rms_norm_eps/],
  ["llama", { attention_dropout: 1 }, /at attention_dropout/],
  ["llama", { tie_word_embeddings: "false" }, /at tie_word_embeddings/],
  ["llama", { hidden_act: "gelu" }, /hidden_act "gelu" is not supported: silu is/],
  ["llama", { rope_interleaved: true }, /rope_interleaved/],
  ["llama", { rope_theta: "10000" }, /at rope_theta/],
  ["llama", { rope_theta: -1 }, /at rope_theta/],
  ["llama", { rope_theta: 1e-30 }, /at rope_theta/],
  ["llama", { rope_scaling: "linear" }, /at rope_scaling/],
  [
    "llama",
    { rope_scaling: { type: "dynamic", factor: 2 } },
    /rope_scaling of type "dynamic" is not supported/,
  ],
  ["llama", { rope_scaling: { rope_type: "yarn", factor: 4 } }, /"yarn"/],
  [
    "llama",
    { rope_parameters: { rope_type: "longrope", short_factor: [1], rope_theta: 1e4 } },
    /rope_parameters/,
  ],
  [
    "llama",
    { rope_parameters: { full_attention: { rope_type: "default" } } },
    /rope_parameters\.full_attention/,
  ],
  ["llama", { rope_parameters: { rope_type: "proportional", rope_theta: 1e4 } }, /"proportional"/],
  ["llama", { rope_scaling: { rope_type: "linear" } }, /rope_scaling of type linear has no factor/],
  ["llama", { rope_scaling: { factor: 8 } }, /a factor but no rope_type/],
  ["llama", { rope_scaling: { rope_type: "linear", factor: 0.5 } }, /at rope_scaling\.factor/],
  ["llama", { rope_scaling: { ...llama3Scaling, low_freq_factor: undefined } }, /has no low_freq_factor/],
  [
    "llama",
    { rope_scaling: { ...llama3Scaling, high_freq_factor: 1 } },
    /high_freq_factor 1 must be greater/,
  ],
  ["llama", { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
  [
    "llama",
    { rope_parameters: { rope_type: "default", partial_rotary_factor: 0.5 } },
    /partial_rotary_factor/,
  ],
  ["qwen2", { layer_types: ["linear_attention"], num_hidden_layers: 1 }, /"linear_attention"/],
  ["qwen2", { layer_types: ["full_attention"] }, /layer_types has 1 entries for 32 blocks/],
  ["llama", { eos_token_id: "2" }, /not "2", at eos_token_id/],
  ["llama", { eos_token_id: [2, 32000] }, /eos_token_id 32000 is not a token: tokens are 0 to 31999/],
  ["llama", { eos_token_id: -1 }, /eos_token_id -1.*set it to null/],
  ["llama", { bos_token_id: 32000 }, /bos_token_id 32000/],
  ["llama", { pad_token_id: "0" }, /at pad_token_id/],
];

test("what is not supported or wrong is refused in one line that names the file and the field", () => {
  for (const [family, fields, words] of refused) {
    assert.throws(
      () => withFields(fields, family),
      ({ message }: Error) => /^m\/config\.json: [^\n]+$/.test(message) && words.test(message),
      `${family} with ${JSON.stringify(fields)}`,
    );
  }
});

test("other kinds of models are refused by name, and so is a file that names none", () => {
  for (const type of [
    "gemma",
    "gemma3_text",
    "phi3",
    "mixtral",
    "qwen3_moe",
    "qwen2_vl",
    "llama4",
    "deepseek_v3",
    "gpt2",
  ])
    assert.throws(
      () => parse({ ...sizes, model_type: type }),
      new RegExp(`^Error: m/config\\.json: model_type "${type}" is not supported; the kinds are t5, llama`),
    );
  assert.throws(() => parse(sizes), /m\/config\.json: there is no model_type/);
  for (const type of [["llama"], 3, {}, "__proto__", "toString"])
    assert.throws(() => parse({ ...sizes, model_type: type }), /model_type/);
});

/** A value that stands for another kind than it should, or is far off. */
const wild = fc.oneof(
  fc.integer({ min: -3, max: 200 }),
  fc.double(),
  fc.constantFrom(null, undefined, true, false, "", "silu", "linear", 2 ** 31, 1e300, -0),
  fc.array(fc.oneof(fc.integer({ min: -2, max: 70 }), fc.string()), { maxLength: 3 }),
  fc.dictionary(
    fc.constantFrom("rope_type", "type", "factor", "rope_theta", "low_freq_factor", "high_freq_factor", "x"),
    fc.oneof(fc.constantFrom("linear", "llama3", "default", "yarn", null, {}), fc.double({ noNaN: true })),
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const fields = Object.keys(llamaConfigFile(withFields({}))).concat(
  ...["rope_parameters", "layer_types", "use_sliding_window", "sliding_window", "max_window_layers"],
);
const small = {
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  sliding_window: null,
};

test("whatever a file says, it is a config whose numbers agree, or an Error in one line that names the file", () => {
  const family = fc.constantFrom(...(Object.keys(llamaFamilies) as LlamaFamily[]));
  const file = fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .dictionary(fc.constantFrom(...fields), wild, { maxKeys: 2 })
        .map((odd) => ({ ...small, ...odd })),
    },
    { weight: 1, arbitrary: fc.anything() },
  );
  const generation = fc.option(fc.record({ eos_token_id: wild }), { nil: undefined });
  let read = 0;
  fc.assert(
    fc.property(family, file, generation, (family, file, generation) => {
      let config: LlamaConfig;
      try {
        config = parseLlamaConfig(family, file, "m/config.json", generation);
      } catch (error) {
        assert.match(String(error), /^Error: m\/config\.json: [^\n]+$/);
        return;
      }
      read++;
      const {
        vocabSize,
        numHeads,
        numKeyValueHeads,
        headDim,
        eosTokenIds,
        bosTokenId = 0,
        padTokenId,
      } = config;
      assert.equal(numHeads % numKeyValueHeads, 0);
      assert.equal(headDim % 2, 0);
      for (const id of [...eosTokenIds, bosTokenId, padTokenId])
        assert.ok(Number.isInteger(id) && id >= 0 && id < vocabSize, `token ${id}`);
      assert.ok(config.rmsNormEpsilon > 0 && config.attentionDropout >= 0 && config.attentionDropout < 1);
      assert.ok(Math.max(config.numLayers, config.intermediateSize, config.maxPositions) < 2 ** 31);
      if (headDim <= 4096)
        for (const angle of rotaryFrequencies(config.rope, headDim)) assert.ok(angle >= 0 && angle <= 1);
      assert.deepEqual(parseLlamaConfig(family, llamaConfigFile(config)), config);
    }),
    { numRuns: 3000 },
  );
  assert.ok(read > 200, `${read} files were read`);
});
