import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import type { ExperimentContext } from "../../src/experiments/run";
import { defaultExperiment, type ExperimentSettings } from "../../src/experiments/settings";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { randomT5, TINY } from "../models/tiny";

/** The embedded sample and tokenizer with a random T5 of a few thousand parameters a layer. */
export async function tinyContext(directory: string): Promise<ExperimentContext> {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const model = randomT5({ ...TINY, vocabSize: tokenizer.vocabularySize }, 5);
  const checkpoint = { ...model, configFile: model.architecture.configFile(model.config) };
  const source = { kind: "directory", directory: embeddedTokenizer, why: "it is tiny" } as const;
  const corpus = await loadCorpus({ directory: sampleDirectory });
  return { base: { checkpoint, tokenizer, source }, corpus, directory, saveSteps: 2 };
}

export const tinySettings = (changes: Partial<ExperimentSettings> = {}): ExperimentSettings =>
  defaultExperiment("quick", {
    nTrain: 10,
    nValidation: 2,
    nTest: 3,
    maxSteps: 4,
    batchSize: 2,
    warmupSteps: 1,
    learningRate: 0.01,
    evalSteps: 2,
    rank: 2,
    unfrozenEncoderBlocks: 1,
    retriever: "tfidf",
    k: 2,
    maxInputTokens: 96,
    maxNewTokens: 16,
    ...changes,
  });
