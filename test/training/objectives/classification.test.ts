import assert from "node:assert/strict";
import { test } from "node:test";
import { classificationObjective } from "../../../src/training/objectives/classification";
import { fullPolicy } from "../../../src/training/policies/full";
import { TrainingPrograms } from "../../../src/training/programs";
import { textBatches } from "../../../src/training/text-batches";
import type { Model } from "../../../src/models/architecture";
import { waveScorer } from "../../models/scorer-fixtures";
import { randomT5, TINY } from "../../models/tiny";
import { testAgainstTransformers, testRun } from "./scorers";

testAgainstTransformers("classification", classificationObjective());

// Which of three tokens a text begins with.
testRun(
  "classification",
  classificationObjective(),
  Array.from({ length: 12 }, (_, i) => ({ texts: [[5 + 7 * (i % 3), 10 + i, 4, 1]], label: i % 3 })),
);

test("a model with another head, or none, is refused by name", async () => {
  const examples = [{ texts: [[5, 1]], label: 0 }];
  const batch = textBatches(examples, [], { padTokenId: 0, padToMultipleOf: 1 }).batch([0], 1);
  const measure = (model: Model) =>
    new TrainingPrograms(fullPolicy(model), classificationObjective(), {}).measure(batch);
  await assert.rejects(measure(waveScorer("t5", "reward") as unknown as Model), /its head is a reward head/);
  await assert.rejects(
    measure(randomT5(TINY, 1) as unknown as Model),
    /no head for whole texts: make one with scorerModel/,
  );
});
