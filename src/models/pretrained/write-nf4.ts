import { join } from "node:path";
import { writeJson } from "../../io";
import { type HostTensor, writeSafetensors } from "../../tensors";
import type { ConfigFiles, Model } from "../architecture";
import { needParameter, roundedTensors } from "../layers";
import { nf4, nf4Arrays } from "../quantization/nf4";
import { packedTensors } from "./bitsandbytes";
import { CONFIG_FILE, GENERATION_CONFIG_FILE, WEIGHTS_FILE } from "./read";
import { configFiles, copyTokenizer, removeOtherWeights, writeConfigFile } from "./write";

export interface WriteNf4Options {
  /** A directory whose tokenizer files are copied beside the model. */
  readonly tokenizerFrom?: string;
}

/**
 * Writes a model directory whose linear layers are in NF4 with double quantisation, which Hugging Face transformers with
 * bitsandbytes open, and {@link openModelDirectory} too; weights that already are in NF4 keep their bits. All else, and layers that
 * the architecture keeps exact, is float32. Each weight is read and rounded as it comes, so that only the rounded ones are held.
 */
export function writeNf4Directory(
  directory: string,
  model: Model & Partial<ConfigFiles>,
  { tokenizerFrom }: WriteNf4Options = {},
): void {
  const { architecture, config, parameters } = model;
  const tensors = new Map<string, HostTensor>();
  const exact = new Set<string>(["lm_head"]);
  for (const [name, shape] of Object.entries(architecture.parameterShapes(config))) {
    const isLinear = architecture.isLinear(name, shape);
    if (isLinear && !architecture.keepsPrecision(name)) {
      const arrays = nf4Arrays(name, roundedTensors(parameters, nf4, name));
      for (const [part, tensor] of Object.entries(packedTensors(name, shape, arrays)))
        tensors.set(part, tensor);
    } else {
      tensors.set(name, needParameter(parameters, name));
      if (isLinear) exact.add(name.split(".").at(-2)!);
    }
  }
  writeSafetensors(join(directory, WEIGHTS_FILE), tensors, { format: "pt" });
  removeOtherWeights(directory, new Set([WEIGHTS_FILE]));
  const { configFile, generationConfigFile } = configFiles(model);
  const quantization_config = {
    quant_method: "bitsandbytes",
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_quant_type: "nf4",
    bnb_4bit_use_double_quant: true,
    bnb_4bit_compute_dtype: "float32",
    bnb_4bit_quant_storage: "uint8",
    llm_int8_skip_modules: [...exact],
  };
  writeConfigFile(join(directory, CONFIG_FILE), { ...configFile, quantization_config });
  writeJson(join(directory, GENERATION_CONFIG_FILE), generationConfigFile);
  if (tokenizerFrom !== undefined) copyTokenizer(tokenizerFrom, directory);
}
