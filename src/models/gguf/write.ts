import { type GgufTensor, type GgufValue, type GgufWriteType, writeGguf } from "../../tensors";
import type { ConfigFiles, Model } from "../architecture";
import { joinRotaryPairs, needParameter } from "../layers";
import type { TokenizerFiles } from "../tokenizer";
import { ARCHITECTURES, ROPE_FACTORS } from "./config";
import { rotaryPart, tensorName } from "./names";
import { type Llama3Scaling, ropeFactors } from "./rope-factors";
import { tokenizerMetadata } from "./tokenizer-metadata";

/** llama.cpp's numbers of what most of a file's tensors are. */
const FILE_TYPES: Readonly<Record<GgufWriteType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };

/** What a GGUF file is written of: a model with its config.json, and its tokenizer. */
export interface GgufContents {
  readonly model: Pick<Model, "architecture" | "config" | "parameters"> &
    Pick<ConfigFiles, "configFile"> &
    Partial<ConfigFiles>;
  readonly tokenizer: TokenizerFiles;
  /** What the file calls its model. */
  readonly name: string;
}

/**
 * Writes a Llama (or a Mistral without windows, which is one), Qwen2 or Qwen3 with its tokenizer as a GGUF file for
 * llama.cpp, whole or not at all. Matrices are of `type`, vectors float32; in Q8_0 matrices whose rows are not whole blocks
 * of 32 are F16. Each parameter is asked for once.
 *
 * @throws {Error} if the format or llama.cpp has no word for something: the kind of model, its scaling of rotary
 *   embeddings, its tokenizer
 */
export function writeGgufModel(
  path: string,
  { model, tokenizer, name }: GgufContents,
  type: GgufWriteType = "F16",
): void {
  const { configFile } = model;
  const kind = kindOf(path, configFile);
  const number = (field: string) => {
    const value = configFile[field];
    if (typeof value !== "number") throw new Error(`${path}: config.json has no number ${field}`);
    return value;
  };
  const heads = number("num_attention_heads");
  const keyValueHeads = (configFile["num_key_value_heads"] as number | null | undefined) ?? heads;
  const hidden = number("hidden_size");
  const headDim = (configFile["head_dim"] as number | null | undefined) ?? hidden / heads;
  const { theta, scaling } = ropeOf(path, configFile);

  const shapes = model.architecture.parameterShapes(model.config);
  const tensors = new Map<string, GgufTensor>();
  if (scaling?.rope_type === "llama3")
    tensors.set(ROPE_FACTORS, {
      type: "F32",
      shape: [headDim / 2],
      values: () => ropeFactors(scaling, theta, headDim),
    });
  for (const [parameter, shape] of Object.entries(shapes)) {
    const tensor = tensorName(parameter);
    if (tensor === undefined)
      throw new Error(`${path}: GGUF files of a ${kind} have no place for ${parameter}`);
    const isBlocks = shape[shape.length - 1]! % 32 === 0;
    tensors.set(tensor, {
      type: shape.length === 1 ? "F32" : type === "Q8_0" && !isBlocks ? "F16" : type,
      shape,
      values() {
        const { data } = needParameter(model.parameters, parameter);
        const part = ARCHITECTURES[kind]!.joinsPairs ? rotaryPart(parameter) : undefined;
        if (part === undefined) return data;
        const joined = data.slice();
        joinRotaryPairs(joined, part === "q" ? heads : keyValueHeads, shape.length === 1 ? 1 : shape[1]!);
        return joined;
      },
    });
  }

  const u32 = (value: number): GgufValue => ({ type: "uint32", value });
  const f32 = (value: number): GgufValue => ({ type: "float32", value });
  const text = (value: string): GgufValue => ({ type: "string", value });
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", text(kind)],
    ["general.type", text("model")],
    ["general.name", text(name)],
    ["general.file_type", u32(FILE_TYPES[type])],
    ["general.quantization_version", u32(2)],
    [`${kind}.block_count`, u32(number("num_hidden_layers"))],
    [`${kind}.context_length`, u32(number("max_position_embeddings"))],
    [`${kind}.embedding_length`, u32(hidden)],
    [`${kind}.feed_forward_length`, u32(number("intermediate_size"))],
    [`${kind}.attention.head_count`, u32(heads)],
    [`${kind}.attention.head_count_kv`, u32(keyValueHeads)],
    [`${kind}.attention.key_length`, u32(headDim)],
    [`${kind}.attention.value_length`, u32(headDim)],
    [`${kind}.attention.layer_norm_rms_epsilon`, f32(number("rms_norm_eps"))],
    [`${kind}.rope.dimension_count`, u32(headDim)],
    [`${kind}.rope.freq_base`, f32(theta)],
    [`${kind}.vocab_size`, u32(number("vocab_size"))],
    ...(scaling?.rope_type === "linear"
      ? ([
          [`${kind}.rope.scaling.type`, text("linear")],
          [`${kind}.rope.scaling.factor`, f32(scaling.factor)],
        ] as const)
      : []),
    ...tokenizerMetadata(path, tokenizer, number("vocab_size"), endTokens(model)),
  ]);
  writeGguf(path, metadata, tensors);
}

/** llama.cpp's name of a kind of model. */
function kindOf(path: string, configFile: Readonly<Record<string, unknown>>): string {
  const type = configFile["model_type"];
  const kind = type === "mistral" ? "llama" : type;
  if (typeof kind === "string" && Object.hasOwn(ARCHITECTURES, kind)) return kind;
  throw new Error(`${path}: a model of model_type ${JSON.stringify(type)} cannot be written as GGUF here`);
}

type Scaling = Llama3Scaling | { readonly rope_type: "linear"; readonly factor: number };

/** θ and scaling of either layout of config.json. */
function ropeOf(
  path: string,
  configFile: Readonly<Record<string, unknown>>,
): { theta: number; scaling: Scaling | undefined } {
  const fields = (configFile["rope_parameters"] ?? configFile["rope_scaling"] ?? {}) as Record<
    string,
    unknown
  >;
  const theta = (configFile["rope_theta"] ?? fields["rope_theta"] ?? 10000) as number;
  const type = fields["rope_type"] ?? fields["type"] ?? "default";
  if (type === "default") return { theta, scaling: undefined };
  if (type !== "llama3" && type !== "linear")
    throw new Error(`${path}: rope_type ${JSON.stringify(type)} cannot be written as GGUF here`);
  return { theta, scaling: { ...fields, rope_type: type } as Scaling };
}

function endTokens({ configFile, generationConfigFile }: GgufContents["model"]): readonly number[] {
  const eos = generationConfigFile?.["eos_token_id"] ?? configFile["eos_token_id"];
  return (Array.isArray(eos) ? eos : [eos]).filter((id): id is number => typeof id === "number");
}
