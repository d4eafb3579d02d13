import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { countNonFinite, elementCount, OpenFile, refuseNonFinite, viewElements } from "../../tensors";
import { splitRotaryPairs } from "../layers";
import type { ModelFile } from "../model-file";
import { readLlama2cTokenizer } from "./tokenizer";

/** What a newer file begins with: "ak42". */
const MAGIC = 0x616b3432;
const V0_HEADER_BYTES = 28;
const V1_HEADER_BYTES = 256;

interface Sizes {
  readonly version: 0 | 1;
  readonly dim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly isTied: boolean;
}

/** A stretch of the file: one tensor, or something that is not used. */
interface Part {
  readonly name?: string;
  readonly shape: readonly number[];
}

/**
 * Opens a checkpoint of llama2.c (versions 0 and 1, float32): a header of sizes, then all tensors one after the other. The
 * file's size must be what the header says. Rows of q and k come in the order of Hugging Face. The tokenizer is
 * tokenizer.bin beside it, or tokN.bin for a vocabulary of N.
 */
export function openLlama2c(path: string): ModelFile {
  const file = new OpenFile(path);
  try {
    const sizes = readSizes(file);
    const places = new Map<string, { shape: readonly number[]; begin: number }>();
    let at = sizes.version === 0 ? V0_HEADER_BYTES : V1_HEADER_BYTES;
    for (const { name, shape } of sizes.version === 0 ? partsOfV0(sizes) : partsOfV1(sizes)) {
      if (name !== undefined) places.set(name, { shape, begin: at });
      at += 4 * elementCount(shape);
    }
    if (at !== file.size) {
      const { dim, hidden, layers, heads, keyValueHeads, vocabulary, context } = sizes;
      const said = `dim ${dim}, hidden_dim ${hidden}, ${layers} layers, ${heads} heads, ${keyValueHeads} of keys, vocabulary ${vocabulary}, ${context} positions`;
      throw new Error(
        `${path}: not a llama2.c checkpoint, or cut off: its header (${said}) needs ${at} bytes, but it has ${file.size}`,
      );
    }
    const headsOf = (name: string) =>
      /q_proj/.test(name) ? sizes.heads : /k_proj/.test(name) ? sizes.keyValueHeads : undefined;
    const read = (name: string, { shape, begin }: { shape: readonly number[]; begin: number }) => {
      const data = viewElements("float32", file.read(begin, 4 * elementCount(shape)));
      refuseNonFinite(path, name, countNonFinite(data), data.length);
      return data;
    };
    return {
      path,
      ...configFiles(sizes),
      shapes: new Map([...places].map(([name, { shape }]) => [name, shape])),
      get(name) {
        const place = places.get(name);
        if (!place) return undefined;
        const data = read(name, place);
        const heads = headsOf(name);
        if (heads !== undefined) splitRotaryPairs(data, heads, sizes.dim);
        return { dtype: "float32", shape: place.shape, data };
      },
      locate(name) {
        const place = places.get(name);
        if (!place || headsOf(name) !== undefined || !file.isAtPath()) return undefined;
        read(name, place);
        return { dtype: "float32", shape: place.shape, path, offset: place.begin };
      },
      tokenizer() {
        const names = ["tokenizer.bin", `tok${sizes.vocabulary}.bin`];
        const found = names.map((name) => join(dirname(path), name)).find((name) => existsSync(name));
        if (found !== undefined) return readLlama2cTokenizer(found, sizes.vocabulary);
        throw new Error(
          `${path}: a llama2.c checkpoint needs its tokenizer beside it, ${names.join(" or ")}`,
        );
      },
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The sizes that a header says. */
function readSizes(file: OpenFile): Sizes {
  const refuse = (why: string): never => {
    throw new Error(`${file.path}: not a llama2.c checkpoint: ${why}`);
  };
  if (file.size < V0_HEADER_BYTES) refuse(`${file.size} bytes are too few for a header`);
  const head = Buffer.from(file.read(0, Math.min(V1_HEADER_BYTES, file.size)));
  const isNew = head.readUInt32LE(0) === MAGIC;
  if (isNew && head.length < V1_HEADER_BYTES) refuse(`${file.size} bytes are too few for a header`);
  const version = isNew ? head.readInt32LE(4) : 0;
  if (version !== 0 && version !== 1) {
    const what = version === 2 ? "version 2, whose weights are rounded to 8 bits," : `version ${version}`;
    refuse(
      `${what} is not read; export it as version 1 (llama2.c: export.py --version 1), or as a Hugging Face folder`,
    );
  }
  const first = isNew ? 8 : 0;
  const [dim, hidden, layers, heads, keyValueHeads, vocabulary, context] = Array.from({ length: 7 }, (_, i) =>
    head.readInt32LE(first + 4 * i),
  ) as [number, number, number, number, number, number, number];
  const isTied = isNew ? head[36] === 1 : vocabulary > 0;
  const sizes = { dim, hidden, layers, heads, keyValueHeads, vocabulary: Math.abs(vocabulary), context };
  const odd = Object.entries(sizes).find(([, size]) => !(size > 0 && size < 1 << 24));
  if (odd) refuse(`${odd[0]} is ${odd[1]}`);
  if (heads % keyValueHeads !== 0 || dim % (2 * heads) !== 0)
    refuse(`dim ${dim}, ${heads} heads and ${keyValueHeads} of keys do not go together`);
  return { version: isNew ? 1 : 0, ...sizes, isTied };
}

/** The tensor of every layer, one layer after the other. */
const ofLayers = ({ layers }: Sizes, part: string, shape: readonly number[]): Part[] =>
  Array.from({ length: layers }, (_, layer) => ({ name: `model.layers.${layer}.${part}.weight`, shape }));

const embedding = ({ vocabulary, dim }: Sizes): Part => ({
  name: "model.embed_tokens.weight",
  shape: [vocabulary, dim],
});
const finalNorm = ({ dim }: Sizes): Part => ({ name: "model.norm.weight", shape: [dim] });
const head = ({ isTied, vocabulary, dim }: Sizes): Part[] =>
  isTied ? [] : [{ name: "lm_head.weight", shape: [vocabulary, dim] }];

function attention(sizes: Sizes): Part[] {
  const { dim, heads, keyValueHeads } = sizes;
  const narrow = (dim / heads) * keyValueHeads;
  return [
    ...ofLayers(sizes, "self_attn.q_proj", [dim, dim]),
    ...ofLayers(sizes, "self_attn.k_proj", [narrow, dim]),
    ...ofLayers(sizes, "self_attn.v_proj", [narrow, dim]),
    ...ofLayers(sizes, "self_attn.o_proj", [dim, dim]),
  ];
}

const feedForward = (sizes: Sizes): Part[] => [
  ...ofLayers(sizes, "mlp.gate_proj", [sizes.hidden, sizes.dim]),
  ...ofLayers(sizes, "mlp.down_proj", [sizes.dim, sizes.hidden]),
  ...ofLayers(sizes, "mlp.up_proj", [sizes.hidden, sizes.dim]),
];

const partsOfV0 = (sizes: Sizes): Part[] => [
  embedding(sizes),
  ...ofLayers(sizes, "input_layernorm", [sizes.dim]),
  ...attention(sizes),
  ...ofLayers(sizes, "post_attention_layernorm", [sizes.dim]),
  ...feedForward(sizes),
  finalNorm(sizes),
  // The cosines and sines of all positions, which the model computes.
  { shape: [sizes.context, sizes.dim / sizes.heads] },
  ...head(sizes),
];

const partsOfV1 = (sizes: Sizes): Part[] => [
  ...ofLayers(sizes, "input_layernorm", [sizes.dim]),
  ...ofLayers(sizes, "post_attention_layernorm", [sizes.dim]),
  finalNorm(sizes),
  embedding(sizes),
  ...attention(sizes),
  ...feedForward(sizes),
  ...head(sizes),
];

/** Its tokens: a text begins with 1, and ends with 2 or, as llama2.c's stories do, where the next would begin. */
function configFiles({ dim, hidden, layers, heads, keyValueHeads, vocabulary, context, isTied }: Sizes) {
  const tokens = { bos_token_id: 1, eos_token_id: [2, 1], pad_token_id: null };
  return {
    configFile: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_act: "silu",
      hidden_size: dim,
      intermediate_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      head_dim: dim / heads,
      vocab_size: vocabulary,
      max_position_embeddings: context,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      rope_scaling: null,
      tie_word_embeddings: isTied,
      attention_bias: false,
      mlp_bias: false,
      ...tokens,
    },
    generationConfigFile: tokens,
  };
}
