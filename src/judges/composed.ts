import { isVerdictScored, type Judge, type Verdict } from "./case";

/** What a {@link composedJudge} is made of. */
export interface Composition {
  readonly name: string;
  /** What is averaged, each with its weight. */
  readonly parts: readonly { readonly judge: Judge; readonly weight: number }[];
  /** What the score never exceeds. */
  readonly limits?: readonly Judge[];
}

/**
 * Several judges as one, 0–1. Each score is moved to 0–1 first, s = (score − low) / (high − low):
 *
 *     score = min(Σ weight · s of the parts / Σ weight, s of each limit)
 *
 * so that what a limit watches over is not made up for by anything else. What one of them cannot score is unscorable, for that one's
 * reason.
 */
export function composedJudge({ name, parts, limits = [] }: Composition): Judge {
  if (parts.length === 0) throw new RangeError(`the judge ${name} needs at least one part`);
  for (const { judge, weight } of parts)
    if (!(Number.isFinite(weight) && weight > 0))
      throw new RangeError(`the weight of ${judge.name} must be a number above 0, not ${weight}`);
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const all = [...parts.map(({ judge }) => judge), ...limits];
  return {
    name,
    scale: [0, 1],
    fingerprint: {
      judge: "composed",
      parts: parts.map(({ judge, weight }) => ({ weight, of: judge.fingerprint })),
      limits: limits.map(({ fingerprint }) => fingerprint),
    },
    async judge(one, signal): Promise<Verdict> {
      const shares: number[] = [];
      const reasons: string[] = [];
      for (const judge of all) {
        const verdict = await judge.judge(one, signal);
        if (!isVerdictScored(verdict)) return { unscorable: `${judge.name}: ${verdict.unscorable}` };
        const [low, high] = judge.scale;
        shares.push((verdict.score - low) / (high - low));
        reasons.push(`${judge.name} ${verdict.score.toFixed(2)}: ${verdict.reason}`);
      }
      const mean = parts.reduce((sum, { weight }, i) => sum + weight * shares[i]!, 0) / total;
      return { score: Math.min(mean, ...shares.slice(parts.length)), reason: reasons.join("; ") };
    },
  };
}
