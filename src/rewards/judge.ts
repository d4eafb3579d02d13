import { isVerdictScored, type Judge, type JudgeCase, requireDecides } from "../judges";
import type { Reward, RewardCase, Score } from "./reward";

/** How a case of a reward is shown to a judge. */
export interface ShownToJudge {
  /** Names this way: it is part of what identifies the reward. */
  readonly name: string;
  readonly of: (one: RewardCase) => JudgeCase;
}

/**
 * A judge's score, moved from its own scale [low, high] to −1…1: 2 (score − low) / (high − low) − 1. What it cannot score is
 * unscorable. All cases are put to it at once; how many it works on at a time is its own concern.
 *
 * @throws {Error} if the judge must be measured before it decides, and was not or is too blind; it says how blind, and what to do
 */
export function judgeReward(judge: Judge, shown: ShownToJudge): Reward {
  requireDecides(judge);
  const [low, high] = judge.scale;
  return {
    name: judge.name,
    score: (cases) =>
      Promise.all(
        cases.map(async (one): Promise<Score> => {
          const verdict = await judge.judge(shown.of(one));
          return isVerdictScored(verdict) ? (2 * (verdict.score - low)) / (high - low) - 1 : verdict;
        }),
      ),
    fingerprint: { reward: "judge", judge: judge.fingerprint, shown: shown.name },
  };
}
