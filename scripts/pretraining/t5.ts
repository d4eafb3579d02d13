import { needParameter } from "../../src/models";
import { initT5, t5Architecture, type T5Config } from "../../src/models/t5";
import { embeddedTokenizer, readTokenizerFiles } from "../../src/models/tokenizer";
import { allSeq2SeqTasks, seq2seqLengths, seq2seqPretraining, type Seq2SeqTask } from "../../src/pretraining";
import { Random } from "../../src/random";
import type { PretrainingKind } from "./kind";

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
/** A long batch and a short one. */
const BATCHES_PER_STEP = 2;

/** The embedded T5. */
export const t5Kind: PretrainingKind = {
  name: "t5",
  defaults: { model: "data/model", batchSize: 8, learningRate: 2e-3, copySteps: 400 },
  batchesPerStep: BATCHES_PER_STEP,
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
  tasks: allSeq2SeqTasks,
  spec: (model, material, task) =>
    seq2seqPretraining(model, {
      ...material,
      copyBatches: BATCHES_PER_STEP * material.copySteps,
      ...(task !== undefined && { task: task as Seq2SeqTask }),
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
    tasks({ copySteps }) {
      const { long, short } = seq2seqLengths;
      const first = copySteps > 0 ? `The first ${copySteps} steps ask for nothing but copying. Then a` : "A";
      return `**Tasks.** ${first} step has a batch of long inputs (up to ${long.input} tokens) and one of short ones (${short.input}), with targets of up to ${short.target}. Of the
long ones each is as often the continuation of a dialogue from one of its turns on, or span corruption (15 to 50 % of the tokens, spans of 3 to 8 on
average). Of the short ones a third is whole-text denoising, where the same sentinel stands for every gap and the target is the
whole text; two thirds are *owned sentences*: the input has some sentences of speaker 1, a sentinel, some of speaker 2, in any order,
with up to three that do not belong, and the target is the dialogue (in one of five, the sentences alone, repeated). In two of five,
one or two rarer words are swapped for others in input and target, so that words are copied and not guessed. No persona was shown:
that a dialogue belongs to personas is what fine-tuning has to teach.`;
    },
    abilities: `It writes English small talk between "User 1" and "User 2", mostly grammatical, and it copies: given sentences in any order it
makes a dialogue in which many of them are said, word for word, more often than not by the right speaker. It contradicts itself, invents
facts, repeats itself under greedy search, and knows nothing about the world. It is there to show what adapters, unfreezing and
retrieval do, not to talk with people. What the data's authors say about biases of generated personas holds for it as well.`,
  },
};
