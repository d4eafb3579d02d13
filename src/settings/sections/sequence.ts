import { z } from "zod";
import { section } from "../section";
import { count, setting } from "../setting";

/** How long the rows of a training are, and what is kept of them. */
export const sequence = section("Sequences", {
  maxLength: setting(count.min(2), {
    decides: "training",
    default: 1024,
    label: "tokens of a row, at most",
    meaning:
      "Longer conversations lose their oldest turns and longer texts are left out: no answer is cut. Of an encoder–decoder, input and target each have at most so many.",
  }),
  recompute: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "blocks computed twice",
    meaning: "Keeps of each block its input alone: less memory, a third more time, the same numbers.",
  }),
});
