import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

/** All completions of each prompt got the same score, so that none is better than another and nothing is learned. */
export const equalRewards: Alarm = {
  name: "equal rewards",
  check(log) {
    const [last] = lastIterations(log, 1, "frac_reward_zero_std");
    if (!last || last["frac_reward_zero_std"]! < 1) return undefined;
    return (
      "in the last iteration all completions of every prompt got the same score, so none is better than another and nothing was learned. " +
      "Look at some completions: if they are all cut or all alike, raise maxNewTokens or the temperature; if the reward cannot tell " +
      "them apart, give it finer steps; if they are all as good as can be, the policy has learned what there is"
    );
  },
};
