import type { Architecture } from "../architecture";
import { parseT5Config, type T5Config, t5ConfigFile, t5GenerationConfigFile, withOwnHead } from "./config";
import { isMultiplied, T5Generator } from "./generator";
import { decoderGraph, encoderGraph } from "./graphs";
import { t5 } from "./model";
import { aliases, isTable, parameterShapes, sublayers } from "./parameters";
import { t5Scorer } from "./scorer";

/** Queries, keys and the lm_head. */
const EXACT = /(^|\.)(q|k|lm_head)\.weight$/;

/** T5 (Raffel et al., 2020), T5 v1.1 and FLAN-T5. */
export const t5Architecture: Architecture<T5Config> = {
  modelType: "t5",
  name: "T5",
  taskType: "SEQ_2_SEQ_LM",
  defaultTargets: ["q", "k", "v", "o", "wi", "wo"],
  peftTargets: ["q", "v"],
  targetAliases: { wi: ["wi_0", "wi_1"] },
  unsavable: {
    "shared.weight":
      "PEFT would train a copy of the embedding `shared` that neither encoder nor decoder reads",
  },
  parseConfig: parseT5Config,
  configFile: t5ConfigFile,
  generationConfigFile: t5GenerationConfigFile,
  parameterShapes,
  aliases,
  tying: {
    head: "lm_head.weight",
    embeddings: ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"],
    isTied: ({ tieWordEmbeddings }) => tieWordEmbeddings,
    untie: withOwnHead,
  },
  isLinear: (name, shape) => shape.length === 2 && !isTable(name),
  isMultiplied,
  /*
   * T5 does not divide q·k by √d, so that its softmax magnifies an error of q or k; and the gradient of the loss goes back
   * through the lm_head from probabilities, most of which are too small for 8 bits beside the largest.
   */
  keepsPrecision: (name) => EXACT.test(name),
  blockOf(name) {
    const found = /^(encoder|decoder)\.block\.(\d+)\.layer\.\d+\.(?:(\w+)\.([qkvo]|w\w+)\.weight$)?/.exec(
      name,
    );
    if (!found) return undefined;
    const [, stack, block, module, layer] = found;
    const sublayer = (sublayers.decoder as readonly string[]).indexOf(module ?? "");
    return {
      stack: stack!,
      block: Number(block),
      ...(layer && { layer: { name: ["self ", "cross ", ""][sublayer]! + layer, sublayer } }),
    };
  },
  model: t5,
  scorer: t5Scorer,
  createGenerator: (model, options) => T5Generator.create(model, options),
  transformersJsGraphs: (config, weights) => ({
    encoder_model: () => encoderGraph(config, weights),
    decoder_model_merged: () => decoderGraph(config, weights),
  }),
};
