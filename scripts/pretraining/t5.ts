import { needParameter } from "../../src/models";
import { initT5, t5Architecture, type T5Config } from "../../src/models/t5";
import { embeddedTokenizer, readTokenizerFiles } from "../../src/models/tokenizer";
import { pretraining, type PretrainingObjective, pretrainingObjectives } from "../../src/pretraining";
import { Random } from "../../src/random";
import type { PretrainingKind, PretrainingMaterial } from "./kind";

const config: T5Config = {
  vocabSize: 8000,
  dModel: 256,
  dKv: 32,
  dFf: 704,
  numLayers: 6,
  numDecoderLayers: 6,
  numHeads: 8,
  relativeAttentionNumBuckets: 32,
  relativeAttentionMaxDistance: 128,
  dropoutRate: 0.1,
  layerNormEpsilon: 1e-6,
  feedForward: "gated-gelu",
  tieWordEmbeddings: false,
  decoderStartTokenId: 0,
  padTokenId: 0,
  eosTokenId: 1,
};
const lengths = { input: 128, target: 96 };
/** The first steps of random weights, which ask for copying alone; at most a tenth of a run. */
const COPY_STEPS = 400;
const copySteps = ({ goesOn, steps }: PretrainingMaterial) =>
  goesOn ? 0 : Math.min(COPY_STEPS, Math.floor(steps / 10));

/** The embedded T5. */
export const t5Kind: PretrainingKind = {
  name: "t5",
  defaults: { model: "data/model", batchSize: 16, learningRate: 2e-3 },
  fromNothing: (_tokens, seed) => ({
    architecture: t5Architecture,
    config,
    parameters: initT5(config, new Random(seed)),
  }),
  fromWeights({ architecture, config, parameters }) {
    if (architecture.modelType !== t5Architecture.modelType)
      throw new Error(`a T5 goes on from a T5, not from a ${architecture.name}`);
    const names = Object.keys(architecture.parameterShapes(config));
    const copied = new Map(names.map((name) => [name, needParameter(parameters, name)]));
    return { architecture: t5Architecture, config, parameters: copied };
  },
  tasks: ["copying", ...pretrainingObjectives],
  spec: (model, material, tasks) =>
    pretraining(model, {
      ...material,
      lengths,
      copySteps: copySteps(material),
      ...(tasks && { objectives: tasks as readonly PretrainingObjective[] }),
    }),
  tokenizer: () => readTokenizerFiles(embeddedTokenizer),
  card: {
    title: "The embedded base model",
    introduction: `A small T5 v1.1 that was pretrained for this project, with the project's own trainer. It stands in for FLAN-T5 Small where that
cannot be had, so that all notebooks run at once and offline. **It is not FLAN-T5**: it has never seen an instruction, and it knows no
other texts than the dialogues below.`,
    sizes(model) {
      const { numLayers, numDecoderLayers, dModel, numHeads, dKv, dFf, vocabSize } = model.config as T5Config;
      return `${numLayers} encoder and ${numDecoderLayers} decoder blocks, width ${dModel}, ${numHeads} heads of ${dKv}, gated GELU of ${dFf}, ${vocabSize.toLocaleString("en-US")} tokens, lm_head of its own`;
    },
    tasks: (material) => `**Tasks.** The first ${copySteps(material)} steps ask for nothing but copying.`,
    abilities: `It writes English small talk between "User 1" and "User 2", often grammatical, and it copies.`,
  },
};
