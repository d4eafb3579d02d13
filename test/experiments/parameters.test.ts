import assert from "node:assert/strict";
import { test } from "node:test";
import { notebookExperiment } from "../../src/experiments/parameters";
import { defaultExperiment } from "../../src/experiments/settings";

test("a notebook's parameters take the place of the profile's settings, but for those that are 0", () => {
  const parameters = {
    PROFILE: "full",
    SEED: 0,
    N_TRAIN: 50,
    N_VAL: 0,
    MAX_STEPS: 0,
    GRAD_ACC: 2,
    RESAMPLES: 10,
  };
  assert.deepEqual(notebookExperiment(parameters), {
    ...defaultExperiment("full"),
    seed: 0,
    nTrain: 50,
    gradientAccumulation: 2,
  });
  assert.equal(notebookExperiment(parameters, { nTrain: 7 }).nTrain, 7);
  const one = notebookExperiment({ PROFILE: "quick", SEED: 4, UNFREEZE: 2, K: 5 });
  assert.deepEqual([one.unfrozenEncoderBlocks, one.k, one.retriever], [2, 5, "tfidf"]);
  const several = notebookExperiment({ PROFILE: "quick", SEED: 4, UNFREEZE: [0, 2], K: [1, 3] });
  assert.deepEqual(
    [several.unfrozenEncoderBlocks, several.k],
    [0, 0],
    "a list is for the notebook to go through",
  );
  assert.equal(
    notebookExperiment({ PROFILE: "quick", SEED: 4 }).maxSteps,
    defaultExperiment("quick").maxSteps,
  );
});
