import { type GenerationOptions, generationTypes, resolveGenerationOptions } from "../../generation";
import { section, valuesIn, type ValuesOf } from "../section";
import { setting } from "../setting";

/** Greedy search, and nothing ruled out. */
const plain = resolveGenerationOptions({ maxNewTokens: 1 });

/** Options of `generateTexts`, and how many answers there are to choose from. */
export const generation = section("Generation", {
  minNewTokens: setting(generationTypes.minNewTokens, {
    decides: "decoding",
    default: plain.minNewTokens,
    label: "new tokens, at least",
    meaning: "An answer does not end before so many tokens.",
  }),
  numBeams: setting(generationTypes.numBeams, {
    decides: "search",
    default: plain.numBeams,
    label: "beams",
    meaning: "Answers followed side by side by beam search; 1 for greedy search.",
  }),
  lengthPenalty: setting(generationTypes.lengthPenalty, {
    decides: "search",
    default: plain.lengthPenalty,
    label: "length penalty",
    meaning: "Beam search divides log-probabilities by length to this power: above 1 favours long answers.",
  }),
  doSample: setting(generationTypes.doSample, {
    decides: "search",
    default: plain.doSample,
    label: "answers drawn",
    meaning: "Draws each token from the model's distribution.",
  }),
  temperature: setting(generationTypes.temperature, {
    decides: "search",
    default: plain.temperature,
    label: "temperature",
    meaning: "Scores are divided by it before drawing: below 1 sharpens, above 1 flattens.",
  }),
  topK: setting(generationTypes.topK, {
    decides: "search",
    default: plain.topK,
    label: "best tokens drawn from",
    meaning: "Draws from so many of the best tokens only; 0 for no limit.",
  }),
  topP: setting(generationTypes.topP, {
    decides: "search",
    default: plain.topP,
    label: "probability drawn from",
    meaning: "Draws from the smallest set of best tokens whose probabilities reach it.",
  }),
  noRepeatNgramSize: setting(generationTypes.noRepeatNgramSize, {
    decides: "decoding",
    default: plain.noRepeatNgramSize,
    label: "n-grams not repeated",
    meaning: "No n-gram of so many tokens occurs twice in an answer; 0 allows it.",
  }),
  /**
   * A model of the size of the embedded one, which `quick` takes, otherwise falls into loops. Forbidding n-grams in its place broke
   * words: the next piece of a rare one is the one that is forbidden.
   */
  repetitionPenalty: setting(generationTypes.repetitionPenalty, {
    decides: "decoding",
    default: plain.repetitionPenalty,
    quick: 1.2,
    label: "repetition penalty",
    meaning: "Scores of tokens already there are divided by it, or multiplied where they are negative.",
  }),
  candidates: setting(generationTypes.numReturnSequences, {
    decides: "choice",
    default: plain.numReturnSequences,
    label: "answers of which one is chosen",
    meaning:
      "Answers made for each input, drawn or the best beams; the one given has the most facts said by their owners, then most of the personas' content words.",
  }),
});

/** How to generate, for `generateTexts`. */
export function generationSettings(
  settings: ValuesOf<typeof generation.settings> & { readonly seed: number; readonly maxNewTokens: number },
): GenerationOptions {
  const { candidates: numReturnSequences, ...options } = valuesIn(generation, settings);
  const { maxNewTokens, doSample, seed } = settings;
  return { ...options, maxNewTokens, numReturnSequences, seed: doSample ? seed : 0 };
}
