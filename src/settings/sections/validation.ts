import { z } from "zod";
import { section } from "../section";
import { setting, whole } from "../setting";

/** Options of the trainer. */
export const validation = section("Validation", {
  evalSteps: setting(whole, {
    decides: "training",
    default: 100,
    quick: 20,
    label: "steps between validations",
    meaning: "Steps between measurements of the validation loss; 0 for none.",
  }),
  loadBestModelAtEnd: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "ends with the best parameters",
    meaning: "Ends with the parameters of the lowest validation loss, not with the last ones.",
  }),
});
