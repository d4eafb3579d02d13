import type { Reward } from "./reward";

/** Says how good an answer to a prompt is, as it learned from preferences: a `RewardScorer` of the room `scorers` is one. */
export interface RewardModel {
  readonly name: string;
  /** A number for each pair of prompt and answer, in order; it means something beside another of the same prompt alone. */
  rewards(texts: readonly (readonly [prompt: string, answer: string])[]): Promise<number[]>;
  readonly fingerprint: unknown;
}

/**
 * What a reward model says of a completion behind its prompt, as it is: r(prompt, completion), with σ(r(x, y) − r(x, y′)) the probability
 * that y is preferred to y′ (Bradley–Terry). A conversation is read as lines of `role: content`, so the model's rows must be written
 * like that. What is empty is unscorable.
 *
 * Its weakness: far from the answers that it learned from, its numbers mean nothing, and a policy goes there if it is not held.
 */
export function rewardModelReward(model: RewardModel): Reward {
  return {
    name: model.name,
    async score(cases) {
      const readable = cases.filter(
        ({ prompt, completion }) => prompt.trim() !== "" && completion.trim() !== "",
      );
      const rewards = await model.rewards(readable.map(({ prompt, completion }) => [prompt, completion]));
      const scores = new Map(readable.map((one, i) => [one, rewards[i]!]));
      return cases.map((one) => scores.get(one) ?? { unscorable: "the prompt or the answer is empty" });
    },
    fingerprint: { reward: "reward-model", model: model.fingerprint },
  };
}
