import { z } from "zod";
import { section } from "../section";
import { setting } from "../setting";

/** What REINFORCE with a leave-one-out baseline can set. */
export const rloo = section("RLOO", {
  normalizeAdvantages: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "advantages normalised",
    meaning:
      "Gives an iteration's advantages mean 0 and deviation 1, so that the scale of rewards does not count.",
  }),
});
