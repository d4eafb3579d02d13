import { z } from "zod";
import { supervisedLosses } from "../../training";
import { section } from "../section";
import { setting } from "../setting";

/** What supervised fine-tuning can set. */
export const supervised = section("Supervised fine-tuning", {
  packing: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "rows packed",
    meaning:
      "Puts several rows into one of the most tokens, by best fit; none sees another. Little is computed for padding; a batch holds more rows.",
  }),
  loss: setting(z.enum(supervisedLosses), {
    decides: "training",
    default: "nll",
    label: "form of the loss",
    meaning:
      "The cross-entropy of a label (nll), or the same times its probability (dft), which learns less from what the model finds unlikely.",
  }),
});
