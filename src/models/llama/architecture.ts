import type { Architecture } from "../architecture";
import {
  type LlamaConfig,
  llamaConfigFile,
  type LlamaFamily,
  llamaFamilies,
  llamaGenerationConfigFile,
  parseLlamaConfig,
  withOwnHead,
} from "./config";
import { LlamaGenerator } from "./generator";
import { decoderGraph } from "./graphs";
import { llama } from "./model";
import { aliases, blockOf, EMBEDDING, HEAD, isMultiplied, linearLayers, parameterShapes } from "./parameters";
import { llamaScorer } from "./scorer";

/** A kind of causal model that is a Llama but for biases and norms. */
const llamaLike = (family: LlamaFamily): Architecture<LlamaConfig> => ({
  modelType: family,
  name: llamaFamilies[family].name,
  taskType: "CAUSAL_LM",
  defaultTargets: linearLayers,
  peftTargets: ["q_proj", "v_proj"],
  parseConfig: (file, source, generation) => parseLlamaConfig(family, file, source, generation),
  configFile: llamaConfigFile,
  generationConfigFile: llamaGenerationConfigFile,
  parameterShapes,
  aliases,
  tying: {
    head: HEAD,
    embeddings: [EMBEDDING],
    isTied: ({ tieWordEmbeddings }) => tieWordEmbeddings,
    untie: withOwnHead,
  },
  isLinear: (name, shape) => shape.length === 2 && name !== EMBEDDING,
  isMultiplied,
  // The gradient of the loss goes back through the lm_head from probabilities, most of which are too small for few bits.
  keepsPrecision: (name) => name === HEAD,
  blockOf,
  recomputes: true,
  model: llama,
  scorer: llamaScorer(family),
  createGenerator: (model, options) => LlamaGenerator.create(model, options),
  transformersJsGraphs: (config, weights) => ({ model: () => decoderGraph(config, weights) }),
});

/** Llama 1–3 and what shares its config: SmolLM2, TinyLlama. */
export const llamaArchitecture = llamaLike("llama");
/** Mistral without a window. */
export const mistralArchitecture = llamaLike("mistral");
/** Qwen2 and Qwen2.5: biases on queries, keys and values. */
export const qwen2Architecture = llamaLike("qwen2");
/** Qwen3: norms on each head of queries and keys. */
export const qwen3Architecture = llamaLike("qwen3");
