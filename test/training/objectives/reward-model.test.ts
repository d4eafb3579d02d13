import { rewardModelObjective } from "../../../src/training/objectives/reward-model";
import { rewardExamples } from "../../../src/training/text-batches";
import { testAgainstTransformers, testRun } from "./scorers";

testAgainstTransformers("reward", rewardModelObjective());

// Answers with token 9 are better than those with token 17, whatever the prompt.
testRun(
  "reward",
  rewardModelObjective(),
  rewardExamples(
    Array.from({ length: 12 }, (_, i) => ({
      promptIds: [3 + i, 4],
      chosenIds: [9, 1],
      rejectedIds: [17, 1],
    })),
  ),
);
