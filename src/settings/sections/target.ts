import { z } from "zod";
import { section } from "../section";
import { count, setting } from "../setting";

export const target = section("Target", {
  targetStart: setting(z.enum(["beginning", "persona"]), {
    decides: "training",
    default: "beginning",
    label: "targets start at",
    meaning:
      "Where in its conversation a training target begins: at the first turn, or at the turn from which on most of the personas' content words are said.",
  }),
  maxNewTokens: setting(count, {
    decides: "length",
    default: 96,
    label: "new tokens, at most",
    notebook: "MAX_NEW_TOKENS",
    meaning: "Targets are cut to so many tokens, and at most so many are generated.",
  }),
});
