import type { Alarm } from "./alarm";
import { lastIterations } from "./iterations";

/** No completion of an iteration ended by itself. */
export const allCut: Alarm = {
  name: "all completions cut",
  check(log) {
    const [last] = lastIterations(log, 1, "completions/clipped_ratio", "completions/max_length");
    if (!last || last["completions/clipped_ratio"]! < 1) return undefined;
    return (
      `in the last iteration every completion was cut at ${last["completions/max_length"]} tokens, so rewards are those of beginnings. ` +
      "Raise maxNewTokens, or punish completions that do not end (missingEosPenalty)"
    );
  },
};
