import { section } from "../section";
import { count, setting } from "../setting";

/** What is asked of a model on rows that a person has. */
export const answers = section("Answers", {
  maxNewTokens: setting(count, {
    decides: "length",
    default: 48,
    label: "new tokens, at most",
    meaning: "An answer is cut after so many tokens.",
  }),
  nTest: setting(count, {
    decides: "evaluation",
    default: 200,
    label: "rows answered, at most",
    meaning: "Rows to answer: the first of the file, at most so many.",
  }),
});
