import { Random } from "../../src/random/random";
import { type DpoOptions, dpoObjective } from "../../src/training/objectives/dpo";
import { DEFAULT_TRAINING, type TrainingOptions } from "../../src/training/options";
import { type Pair, pairBatches } from "../../src/training/pairs";
import { frozenModel, type FrozenModel } from "../../src/training/policies/frozen";
import { loraPolicy, type LoraPolicy, type LoraPolicyOptions } from "../../src/training/policies/lora";
import { referenceLogprobs } from "../../src/training/reference/logprobs";
import type { TrainingSpec } from "../../src/training/spec";
import { tinyLlama } from "../models/llama/tiny-llama";

export const tinyBase = tinyLlama();
const lora = {
  rank: 4,
  alpha: 8,
  dropout: 0,
  useRslora: false,
  targetModules: ["q_proj", "v_proj", "down_proj"],
  modulesToSave: [],
};

/** Pairs with something to learn: chosen answers repeat the prompt's first token, rejected ones its last. */
export function tinyPairs(count: number, seed: number): Pair[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const promptIds = [2, 40, 50].map((id) => id + random.integer(30));
    for (let more = random.integer(6); more > 0; more--) promptIds.splice(1, 0, 2 + random.integer(90));
    const answer = (id: number) => [...Array<number>(1 + random.integer(4)).fill(id), 96];
    return { promptIds, chosenIds: answer(promptIds[0]!), rejectedIds: answer(promptIds.at(-1)!) };
  });
}

export const tinyPolicy = (options: Partial<LoraPolicyOptions> = {}): LoraPolicy =>
  loraPolicy(tinyBase, { lora, unfreezing: {}, seed: 3, baseModel: null, ...options });

/** An adapter that changes what the model says. */
export function movedAdapter() {
  const policy = tinyPolicy();
  const random = new Random(5);
  for (const { data } of policy.trained.values())
    data.forEach((value, i) => (data[i] = value + 0.1 * (random.uniform() - 0.5)));
  return policy.adapter();
}

export interface TinyDpo {
  readonly policy?: LoraPolicy;
  readonly reference?: FrozenModel;
  readonly objective?: DpoOptions;
  readonly pairs?: readonly Pair[];
}

/** A seconds-long preference training of a tiny Llama; what the reference says is kept in `directory`. */
export async function tinyDpoSpec(
  directory: string,
  {
    policy = tinyPolicy(),
    reference = frozenModel(tinyBase),
    objective = {},
    pairs = tinyPairs(17, 1),
  }: TinyDpo = {},
): Promise<TrainingSpec<LoraPolicy>> {
  const batches = { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 8 } as const;
  const scored = (some: readonly Pair[]) =>
    referenceLogprobs(reference, some, { ...batches, batchSize: 4, directory });
  const data = pairBatches(await scored(pairs), await scored(tinyPairs(5, 2)), {
    ...batches,
    reference: reference.fingerprint,
  });
  return { policy, objective: dpoObjective(objective), data };
}

export const tinyDpoOptions = (
  outputDirectory: string,
  change: Partial<TrainingOptions> = {},
): TrainingOptions => ({
  ...DEFAULT_TRAINING,
  outputDirectory,
  maxSteps: 8,
  batchSize: 4,
  learningRate: 0.005,
  warmupSteps: 0,
  ...change,
});
