import { z } from "zod";
import { lengthReward } from "./length";
import type { Reward } from "./reward";
import { weightedReward } from "./weighted";
import { wordReward } from "./word";

const weight = z.number().default(1);

/** A reward as a file names it: which one, what it asks for, and its weight among several. */
export const namedRewardSchema = z.discriminatedUnion("reward", [
  z.strictObject({ reward: z.literal("word"), word: z.string(), weight }),
  z.strictObject({ reward: z.literal("length"), tokens: z.int().positive(), weight }),
]);
export type NamedReward = z.input<typeof namedRewardSchema>;

const make = (named: z.infer<typeof namedRewardSchema>): Reward =>
  named.reward === "word" ? wordReward(named.word) : lengthReward(named.tokens);

/** The reward that a file names: the weighted sum of its list. */
export function namedReward(rewards: readonly NamedReward[]): Reward {
  const parts = rewards.map((named) => namedRewardSchema.parse(named));
  const [only] = parts;
  if (parts.length === 1 && only!.weight === 1) return make(only!);
  return weightedReward(parts.map((named) => ({ reward: make(named), weight: named.weight })));
}
