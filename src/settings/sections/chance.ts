import { z } from "zod";
import { DEFAULT_TRAINING } from "../../training";
import { section } from "../section";
import { setting } from "../setting";

export const chance = section("Chance", {
  seed: setting(z.int(), {
    decides: "seed",
    default: DEFAULT_TRAINING.seed,
    label: "seed",
    notebook: "SEED",
    meaning:
      "Draws the training conversations, the adapter's first weights, the order of the data, dropout and random snippets.",
  }),
});
