import { join } from "node:path";
import { modelPieces } from "../engine";
import { writeChunksWhole, writeJson } from "../io";
import {
  type ConfigFiles,
  floatWeights,
  int8Blocks,
  type Model,
  type ProgramWeights,
  roundedWeights,
} from "../models";
import { configFiles, copyTokenizer, writeConfigFile } from "../models/pretrained";
import type { TokenizerFiles } from "../models/tokenizer";

/** How the files of a variant keep linear weights; the names are those of Transformers.js' option `dtype`. */
const VARIANTS: Record<"fp32" | "q8", { suffix: string; weights: (model: Model) => ProgramWeights }> = {
  fp32: {
    suffix: "",
    weights: ({ architecture, config, parameters }) =>
      floatWeights(architecture.parameterShapes(config), parameters),
  },
  q8: {
    suffix: "_quantized",
    weights: ({ architecture, config, parameters }) =>
      roundedWeights(architecture.parameterShapes(config), parameters, int8Blocks, (name) =>
        architecture.isMultiplied(config, name),
      ),
  },
};

export interface TransformersJsOptions {
  /** The directory whose tokenizer files are copied, or the files themselves. */
  tokenizerFrom: string | TokenizerFiles;
  /**
   * Which variants to write: 32-bit floats (`dtype: "fp32"`) and 8-bit weights (`dtype: "q8"`).
   * @default ["fp32", "q8"]
   */
  variants?: readonly (keyof typeof VARIANTS)[];
}

/**
 * Writes a directory that `AutoModelForSeq2SeqLM.from_pretrained` and `AutoTokenizer` of @huggingface/transformers open,
 * in Node and in browsers: config.json, generation_config.json, the tokenizer's files, and ONNX files of the encoder and
 * of the decoder with its cache for any batch and length. They hold the same functions as generation here does, so
 * greedy ids are the same.
 */
export function exportTransformersJs(
  directory: string,
  model: Model & Partial<ConfigFiles>,
  { tokenizerFrom, variants = ["fp32", "q8"] }: TransformersJsOptions,
): void {
  const { architecture, config } = model;
  if (!architecture.transformersJsGraphs)
    throw new Error(`models of type ${architecture.modelType} cannot be exported to Transformers.js yet`);
  copyTokenizer(tokenizerFrom, directory);
  for (const variant of variants) {
    const { suffix, weights } = VARIANTS[variant];
    const graphs = architecture.transformersJsGraphs(config, weights(model));
    for (const [name, graph] of Object.entries(graphs))
      writeChunksWhole(join(directory, "onnx", `${name}${suffix}.onnx`), modelPieces(graph()));
  }
  const { configFile, generationConfigFile } = configFiles(model);
  writeConfigFile(join(directory, "config.json"), configFile);
  writeJson(join(directory, "generation_config.json"), generationConfigFile);
}
