import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { modelPieces } from "../engine";
import { readJson, writeChunksWhole, writeJson } from "../io";
import {
  type Architecture,
  type ConfigFiles,
  int8Blocks,
  type Model,
  type ProgramWeights,
  q4_1,
  type QuantizationScheme,
  roundedWeights,
  type TokenizerFiles,
} from "../models";
import { configFiles, copyTokenizer, writeConfigFile } from "../models/pretrained";
import { type ModelFacts, modelCard, writeModelCard } from "./card";

/**
 * How the files of a variant keep what is multiplied with; the names are those of Transformers.js' option `dtype`. In 4 bits
 * are the layers of blocks but for those that need precision; the others, and the lm_head, are in 8.
 */
const VARIANTS: Record<
  "fp32" | "q8" | "q4",
  { suffix: string; scheme: (architecture: Architecture, name: string) => QuantizationScheme | undefined }
> = {
  fp32: { suffix: "", scheme: () => undefined },
  q8: { suffix: "_quantized", scheme: () => int8Blocks },
  q4: {
    suffix: "_q4",
    scheme: (architecture, name) =>
      architecture.blockOf(name) && !architecture.keepsPrecision(name) ? q4_1 : int8Blocks,
  },
};

/** Transformers.js' `dtype` of files that are written. */
export type TransformersJsVariant = keyof typeof VARIANTS;
export const transformersJsVariants = Object.keys(VARIANTS) as readonly TransformersJsVariant[];

/** The weights of a model as a variant keeps them. */
function weightsOf(
  { architecture, config, parameters }: Model,
  variant: keyof typeof VARIANTS,
): ProgramWeights {
  const { scheme } = VARIANTS[variant];
  return roundedWeights(architecture.parameterShapes(config), parameters, (name) =>
    architecture.isMultiplied(config, name) ? scheme(architecture, name) : undefined,
  );
}

export interface TransformersJsOptions {
  /** The directory whose tokenizer files are copied, or the files themselves. */
  tokenizerFrom: string | TokenizerFiles;
  /**
   * Which variants to write: 32-bit floats (`dtype: "fp32"`), 8-bit weights (`dtype: "q8"`), 4-bit weights (`dtype: "q4"`).
   * @default all of them
   */
  variants?: readonly TransformersJsVariant[];
  /**
   * What the model's card says of it.
   * @default nothing: all of it is unknown
   */
  facts?: ModelFacts;
}

/**
 * Writes a directory that `AutoModelForSeq2SeqLM` (or `AutoModelForCausalLM`) and `AutoTokenizer` of @huggingface/transformers
 * open, in Node and in browsers: config.json, generation_config.json, the tokenizer's files, a model card, and ONNX files of
 * the encoder and of the decoder with its cache, or of the causal model, for any batch and length. They hold the same functions
 * as generation here does, so greedy ids of floats are the same. One weight is in memory at a time.
 */
export function exportTransformersJs(
  directory: string,
  model: Model & Partial<ConfigFiles>,
  { tokenizerFrom, variants = transformersJsVariants, facts = {} }: TransformersJsOptions,
): void {
  const { architecture, config } = model;
  if (!architecture.transformersJsGraphs)
    throw new Error(`models of type ${architecture.modelType} cannot be exported to Transformers.js yet`);
  copyTokenizer(tokenizerFrom, directory);
  if (typeof tokenizerFrom === "string") putTemplateInside(tokenizerFrom, directory);
  for (const variant of variants) {
    const { suffix } = VARIANTS[variant];
    const graphs = architecture.transformersJsGraphs(config, weightsOf(model, variant));
    for (const [name, graph] of Object.entries(graphs))
      writeChunksWhole(join(directory, "onnx", `${name}${suffix}.onnx`), modelPieces(graph()));
  }
  const { configFile, generationConfigFile } = configFiles(model);
  writeConfigFile(join(directory, "config.json"), configFile);
  writeJson(join(directory, "generation_config.json"), generationConfigFile);
  writeModelCard(directory, modelCard("transformers-js", model, facts, variants));
}

/** Transformers.js reads a chat template in tokenizer_config.json alone; transformers 5 writes it beside. */
function putTemplateInside(from: string, directory: string): void {
  const [beside, path] = [join(from, "chat_template.jinja"), join(directory, "tokenizer_config.json")];
  if (!existsSync(beside) || !existsSync(path)) return;
  const config = readJson(path) as Record<string, unknown>;
  if (config["chat_template"] === undefined)
    writeJson(path, { ...config, chat_template: readFileSync(beside, "utf8") });
}
