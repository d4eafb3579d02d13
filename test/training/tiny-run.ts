import { DEFAULT_LORA } from "../../src/models/lora/config";
import { Random } from "../../src/random/random";
import type { Example } from "../../src/training/batches";
import { DEFAULT_TRAINING, type TrainingOptions } from "../../src/training/options";
import { exampleBatches } from "../../src/training/example-batches";
import { crossEntropyObjective } from "../../src/training/objectives/cross-entropy";
import { loraPolicy, type LoraPolicy, type LoraPolicyOptions } from "../../src/training/policies/lora";
import type { TrainingSpec } from "../../src/training/spec";
import { randomT5, TINY } from "../models/tiny";

/** Examples with something to learn: the target repeats the first tokens of the input. */
export function copyExamples(count: number, seed: number): Example[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 2 + random.integer(9) }, () => 2 + random.integer(TINY.vocabSize - 2));
    return { inputIds: [...words, 1], labels: [...words.slice(0, 3), 1] };
  });
}

/** What a test changes of the tiny run. */
export interface TinyChange {
  readonly policy?: Partial<LoraPolicyOptions>;
  readonly data?: { readonly train?: readonly Example[]; readonly validation?: readonly Example[] };
  readonly labelSmoothing?: number;
  readonly base?: ReturnType<typeof randomT5>;
}

/** A seconds-long LoRA run of a tiny random T5, dropout on. */
export function tinySpec({
  policy = {},
  data = {},
  labelSmoothing = 0,
  base = randomT5(TINY, 7),
}: TinyChange = {}): TrainingSpec<LoraPolicy> {
  return {
    policy: loraPolicy(base, {
      lora: { ...DEFAULT_LORA, rank: 2, alpha: 4, dropout: 0.1 },
      unfreezing: { encoder: 1 },
      seed: 3,
      baseModel: null,
      ...policy,
    }),
    objective: crossEntropyObjective(labelSmoothing),
    data: exampleBatches(data.train ?? copyExamples(30, 1), data.validation ?? copyExamples(9, 2), {
      taskType: "SEQ_2_SEQ_LM",
      padTokenId: TINY.padTokenId,
      padToMultipleOf: 8,
    }),
  };
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
