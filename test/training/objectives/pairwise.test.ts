import { pairwiseObjective } from "../../../src/training/objectives/pairwise";
import { testAgainstTransformers, testRun } from "./scorers";

testAgainstTransformers("pairwise", pairwiseObjective());

// Whether two texts begin with the same token.
testRun(
  "pairwise",
  pairwiseObjective(),
  Array.from({ length: 12 }, (_, i) => ({
    texts: [
      [5 + 7 * (i % 2), 20, 1],
      [5 + 7 * (i % 3 === 0 ? i % 2 : 1 - (i % 2)), 21, 1],
    ],
    label: i % 3 === 0 ? 0 : 2,
  })),
);
