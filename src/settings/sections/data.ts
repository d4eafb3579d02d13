import { section } from "../section";
import { count, setting, whole } from "../setting";

export const data = section("Data", {
  nTrain: setting(count, {
    decides: "training",
    default: 9000,
    quick: 192,
    label: "training conversations, at most",
    notebook: "N_TRAIN",
    meaning: "Conversations to train on: at most so many of the training split, shuffled by the seed.",
  }),
  nValidation: setting(whole, {
    decides: "training",
    default: 100,
    quick: 24,
    label: "validation conversations, at most",
    notebook: "N_VAL",
    meaning:
      "Conversations whose loss is measured while training: the first of the validation split, at most so many.",
  }),
  nTest: setting(count, {
    decides: "evaluation",
    default: 200,
    quick: 24,
    label: "test conversations, at most",
    notebook: "N_TEST",
    meaning: "Conversations to answer in an evaluation: the first of the test split, at most so many.",
  }),
});
