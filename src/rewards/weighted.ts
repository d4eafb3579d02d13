import { isScored, type Reward, type Score, scoreCases } from "./reward";

/** A part of a {@link weightedReward}. */
export interface WeightedPart {
  readonly reward: Reward;
  /** What its score is multiplied with; below 0 makes it a punishment. */
  readonly weight: number;
}

/**
 * The weighted sum of other rewards, Σ weight · score, asked at the same time. What one of them cannot score is unscorable, for
 * that one's reason: a sum without it would favour what nobody could judge.
 */
export function weightedReward(parts: readonly WeightedPart[]): Reward {
  if (parts.length === 0) throw new RangeError("a weighted reward needs at least one part");
  for (const { reward, weight } of parts)
    if (!Number.isFinite(weight))
      throw new RangeError(`the weight of the reward ${reward.name} must be a finite number, not ${weight}`);
  return {
    name: parts.map(({ reward, weight }) => `${weight} ${reward.name}`).join(" + "),
    async score(cases) {
      const scores = await Promise.all(parts.map(({ reward }) => scoreCases(reward, cases)));
      return cases.map((_, i): Score => {
        let sum = 0;
        for (const [part, { reward, weight }] of parts.entries()) {
          const score = scores[part]![i]!;
          if (!isScored(score)) return { unscorable: `${reward.name}: ${score.unscorable}` };
          sum += weight * score;
        }
        return sum;
      });
    },
    lacks(about) {
      for (const { reward } of parts) {
        const missing = reward.lacks?.(about);
        if (missing !== undefined) return `${reward.name}: ${missing}`;
      }
      return undefined;
    },
    fingerprint: parts.map(({ reward, weight }) => ({ weight, of: reward.fingerprint })),
  };
}
