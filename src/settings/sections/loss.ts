import { z } from "zod";
import { section } from "../section";
import { positive, setting } from "../setting";

export const loss = section("Loss", {
  personaWeight: setting(positive, {
    decides: "training",
    default: 1,
    label: "weight of the personas' words in the loss",
    meaning:
      "How much a target's token counts in the training loss if its word is a content word of the personas; others count 1.",
  }),
  labelSmoothing: setting(z.number().min(0).lt(1), {
    decides: "training",
    default: 0,
    label: "label smoothing",
    meaning: "ε of label smoothing; 0 for none.",
  }),
});
