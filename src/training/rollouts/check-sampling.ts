import { type GenerativeModel, padBatch } from "../../models";
import type { Rollout } from "./rollout";

/** Nats between logprobs that are one model's; rounding is a hundredth of it. */
const MOST = 0.01;

/**
 * Feeds a completion to the generator once more and compares what it gives each token with what the training's program does.
 *
 * @throws {Error} if the two differ by more than rounding: the policy that samples is then not the one that learns
 */
export async function checkSampling(
  generator: GenerativeModel,
  { promptIds, completionIds, logprobs }: Pick<Rollout, "promptIds" | "completionIds" | "logprobs">,
  temperature: number,
): Promise<void> {
  const sampled = await sampledLogprobs(generator, promptIds, completionIds, temperature);
  const apart = Math.max(...sampled.map((logprob, t) => Math.abs(logprob - logprobs[t]!)));
  if (apart <= MOST) return;
  throw new Error(
    `the policy that samples is not the one that learns: their logprobs of the same tokens differ by up to ${apart.toFixed(3)} nats. ` +
      `A base that only training rounds (frozenWeights int8, or nf4 over exact weights) does that: take float32, or a checkpoint whose own ` +
      `weights are in NF4`,
  );
}

/** The log-probabilities by which a generator samples the tokens of a completion. */
export async function sampledLogprobs(
  generator: GenerativeModel,
  promptIds: readonly number[],
  completionIds: readonly number[],
  temperature: number,
): Promise<number[]> {
  const decoder = await generator.startDecoder(
    padBatch([promptIds], generator.padTokenId),
    1,
    completionIds.length,
  );
  try {
    const logprobs: number[] = [];
    let fed = decoder.prompts[0]!.at(-1)!;
    for (const token of completionIds) {
      const logits = await decoder.nextLogits(Int32Array.of(fed));
      logprobs.push(logSoftmaxAt(logits, token, temperature));
      fed = token;
    }
    return logprobs;
  } finally {
    decoder.dispose();
  }
}

function logSoftmaxAt(logits: Float32Array, token: number, temperature: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp((logit - most) / temperature), 0);
  return (logits[token]! - most) / temperature - Math.log(total);
}
