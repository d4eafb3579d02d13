import { z } from "zod";
import { grpoLosses, rewardScales } from "../../training";
import { section } from "../section";
import { setting } from "../setting";

/** What group-relative policy optimisation can set. */
export const grpo = section("GRPO", {
  grpoLoss: setting(z.enum(grpoLosses), {
    decides: "training",
    default: "dapo",
    label: "form of the loss",
    meaning:
      "A mean of completions, each of its tokens (grpo), of a batch's tokens (bnpo), of completions over maxNewTokens (dr_grpo), or of a " +
      "step's tokens (dapo).",
  }),
  scaleRewards: setting(z.enum(rewardScales), {
    decides: "training",
    default: "group",
    label: "advantages divided by",
    meaning: "The deviation of the rewards of a prompt, of an iteration, or nothing.",
  }),
});
