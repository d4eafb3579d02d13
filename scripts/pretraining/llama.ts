import { needParameter } from "../../src/models";
import { initLlama, llamaArchitecture, type LlamaConfig } from "../../src/models/llama";
import { type T5Config, t5Architecture } from "../../src/models/t5";
import { embeddedTokenizer, readTokenizerFiles } from "../../src/models/tokenizer";
import {
  causalPretraining,
  type CausalTextKind,
  causalTextKinds,
  causalTexts,
  chatTemplate,
  llamaConfigFromT5,
  llamaFromT5,
  type PretrainingTokens,
} from "../../src/pretraining";
import { Random } from "../../src/random";
import type { PretrainingKind } from "./kind";

const MAX_POSITIONS = 1024;

/** What does not come from weights that a model goes on from. */
const ownOf = ({ endOfTurn, eos }: PretrainingTokens) => ({
  maxPositions: MAX_POSITIONS,
  rope: { theta: 10000 },
  initializerRange: 0.02,
  eosTokenIds: [endOfTurn, eos],
});

const sizes = {
  family: "llama",
  vocabSize: 8000,
  hiddenSize: 256,
  intermediateSize: 704,
  numLayers: 6,
  numHeads: 8,
  numKeyValueHeads: 8,
  headDim: 32,
  rmsNormEpsilon: 1e-6,
  tieWordEmbeddings: false,
  biases: { qkv: false, output: false, feedForward: false },
  headNorms: false,
  attentionDropout: 0,
  padTokenId: 0,
} as const;

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** The embedded causal model. */
export const llamaKind: PretrainingKind = {
  name: "llama",
  defaults: { model: "data/chat-model", batchSize: 4, learningRate: 1e-3, copySteps: 300 },
  batchesPerStep: 1,
  fromNothing(tokens, seed) {
    const config: LlamaConfig = { ...sizes, ...ownOf(tokens) };
    return { architecture: llamaArchitecture, config, parameters: initLlama(config, new Random(seed)) };
  },
  fromWeights({ architecture, config, parameters }, tokens) {
    if (architecture.modelType === llamaArchitecture.modelType) {
      const names = Object.keys(architecture.parameterShapes(config));
      const copied = new Map(names.map((name) => [name, needParameter(parameters, name)]));
      const { eosTokenIds } = ownOf(tokens);
      return {
        architecture: llamaArchitecture,
        config: { ...(config as LlamaConfig), eosTokenIds },
        parameters: copied,
      };
    }
    if (architecture.modelType !== t5Architecture.modelType)
      throw new Error(
        `a Llama goes on from a Llama, or from the decoder of a T5, not from a ${architecture.name}`,
      );
    const given = config as T5Config;
    return {
      architecture: llamaArchitecture,
      config: llamaConfigFromT5(given, ownOf(tokens)),
      parameters: llamaFromT5(given, parameters),
    };
  },
  tasks: causalTextKinds,
  spec: (model, material, task) =>
    causalPretraining(model, { ...material, ...(task !== undefined && { kinds: [task as CausalTextKind] }) }),
  tokenizer() {
    const { source, tokenizer, config } = readTokenizerFiles(embeddedTokenizer);
    return {
      source,
      tokenizer,
      config: { ...config, model_max_length: MAX_POSITIONS, chat_template: chatTemplate },
    };
  },
  card: {
    title: "The embedded causal model",
    introduction: `A small Llama that was pretrained for this project, with the project's own trainer, to write and hold conversations. It is what
\`npm run chat\` and the notebooks of causal models use where nothing else is named. **It is no assistant**: it has never seen an
instruction, and it knows no other texts than the dialogues below.`,
    sizes({ config }) {
      const {
        numLayers,
        hiddenSize,
        numHeads,
        headDim,
        intermediateSize,
        vocabSize,
        maxPositions,
        tieWordEmbeddings,
      } = config as LlamaConfig;
      return `${numLayers} blocks, width ${hiddenSize}, ${numHeads} heads of ${headDim}, SwiGLU of ${intermediateSize}, ${vocabSize.toLocaleString("en-US")} tokens, ${maxPositions.toLocaleString("en-US")} positions, lm_head ${tieWordEmbeddings ? "tied" : "of its own"}`;
    },
    tasks: ({
      rowLength,
      copySteps,
    }) => `**Texts.** Rows of ${rowLength} tokens are filled with texts side by side, none of which sees another.${copySteps > 0 ? ` The first ${copySteps} steps have nothing but copying.` : ""} Which
is drawn how often:

- ${percent(causalTexts.dialogue.share)} dialogues; half of them are chats, where \`<extra_id_2>\` ends each turn;
- ${percent(causalTexts["persona chat"].share)} chats with one of the two, behind a system message that tells who that is: as \`npm run chat\` writes it,
  or the facts alone. The message is not learned;
- ${percent(causalTexts["owned sentences"].share)} parts of dialogues behind their own sentences in any order, those of the two speakers apart, and up to three that do not
  belong; only the dialogue is learned. In two of five, rarer words are swapped for others in both;
- ${percent(causalTexts.copying.share)} copying: parts of dialogues, twice, in three of five with their tokens in any order; the first time is not learned;
- ${percent(causalTexts.facts.share)} lists of facts, twice, in the same order or in another.

So it has seen which facts belong to whom: an adapter has to teach it less of that than the embedded T5.`,
    abilities: `It writes English small talk, mostly grammatical, ends its turns, and says some of the facts that it is told of itself. It
contradicts itself, invents facts, repeats itself, and knows nothing about the world. It is there to show what fine-tuning,
preference alignment and rewards do in minutes on two cores. To talk with, take a larger model: \`npm run chat -- OWNER/NAME\`. What
the data's authors say about biases of generated personas holds for it as well.`,
  },
};
