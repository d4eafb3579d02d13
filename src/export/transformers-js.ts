import { join } from "node:path";
import { encodeModel } from "../engine/onnx";
import { writeFileWhole, writeJson } from "../io";
import {
  copyTokenizer,
  generationConfigFile,
  type T5Checkpoint,
  t5ConfigFile,
  writeConfigFile,
} from "../models/pretrained";
import type { ParameterSource, T5Config } from "../models/t5";
import { eightBitWeights, floatWeights } from "../models/layers/weights";
import { decoderGraph, encoderGraph } from "../models/t5/graphs";

/** How the files of a variant keep linear weights; the names are those of Transformers.js' option `dtype`. */
const VARIANTS = {
  fp32: { suffix: "", weights: floatWeights },
  q8: { suffix: "_quantized", weights: eightBitWeights },
} as const;

export interface TransformersJsOptions {
  /** The directory whose tokenizer files are copied. */
  tokenizerFrom: string;
  /** Which variants to write: 32-bit floats (`dtype: "fp32"`) and 8-bit weights (`dtype: "q8"`). Default: both. */
  variants?: readonly (keyof typeof VARIANTS)[];
}

/** What goes into an export; a {@link T5Checkpoint} has it. */
export interface ExportableModel extends Partial<Pick<T5Checkpoint, "configFile" | "generationConfigFile">> {
  readonly config: T5Config;
  readonly parameters: ParameterSource;
}

/**
 * Writes a directory that `AutoModelForSeq2SeqLM.from_pretrained` and `AutoTokenizer` of @huggingface/transformers open,
 * in Node and in browsers: config.json, generation_config.json, the tokenizer's files, and ONNX files of the encoder and
 * of the decoder with its cache for any batch and length. They hold the same functions as generation here does, so
 * greedy ids are the same.
 */
export function exportTransformersJs(
  directory: string,
  model: ExportableModel,
  { tokenizerFrom, variants = ["fp32", "q8"] }: TransformersJsOptions,
): void {
  const { config, parameters } = model;
  copyTokenizer(tokenizerFrom, directory);
  for (const variant of variants) {
    const { suffix, weights } = VARIANTS[variant];
    const frozen = weights(config, parameters);
    const write = (name: string, graph: ReturnType<typeof encoderGraph>) =>
      writeFileWhole(join(directory, "onnx", `${name}${suffix}.onnx`), encodeModel(graph));
    write("encoder_model", encoderGraph(config, frozen));
    write("decoder_model_merged", decoderGraph(config, frozen));
  }
  writeConfigFile(join(directory, "config.json"), model.configFile ?? t5ConfigFile(config));
  writeJson(
    join(directory, "generation_config.json"),
    model.generationConfigFile ?? generationConfigFile(config),
  );
}
