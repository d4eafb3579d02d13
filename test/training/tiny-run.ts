import { DEFAULT_LORA } from "../../src/models/lora/config";
import { Random } from "../../src/random/random";
import type { Example } from "../../src/training/batches";
import { DEFAULT_TRAINING, type TrainingOptions } from "../../src/training/options";
import { loraTask, type LoraTaskOptions } from "../../src/training/seq2seq";
import { randomT5, TINY } from "../models/tiny";

/** Examples with something to learn: the target repeats the first tokens of the input. */
export function copyExamples(count: number, seed: number): Example[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 2 + random.integer(9) }, () => 2 + random.integer(TINY.vocabSize - 2));
    return { inputIds: [...words, 1], labels: [...words.slice(0, 3), 1] };
  });
}

/** A seconds-long LoRA run of a tiny random T5, dropout on. */
export function tinyTask(change: Partial<LoraTaskOptions> = {}, base = randomT5(TINY, 7)) {
  return loraTask(base, {
    lora: { ...DEFAULT_LORA, rank: 2, alpha: 4, dropout: 0.1 },
    unfreezing: { encoderBlocks: 1, decoderBlocks: 0 },
    train: copyExamples(30, 1),
    validation: copyExamples(9, 2),
    seed: 3,
    labelSmoothing: 0,
    padToMultipleOf: 8,
    baseModel: null,
    ...change,
  });
}

export function tinyOptions(outputDirectory: string, change: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    ...DEFAULT_TRAINING,
    outputDirectory,
    maxSteps: 10,
    batchSize: 4,
    learningRate: 0.02,
    warmupSteps: 2,
    ...change,
  };
}
