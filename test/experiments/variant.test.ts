import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExperimentModel } from "../../src/experiments/run";
import { defaultExperiment, trainingSettings } from "../../src/experiments/settings";
import { experimentVariant } from "../../src/experiments/variant";
import { llamaArchitecture } from "../../src/models/llama/architecture";

const settings = defaultExperiment("quick", { seed: 7, unfrozenEncoderBlocks: 2 });
const base = {
  source: { kind: "directory", directory: "some/model", why: "" },
  checkpoint: { architecture: llamaArchitecture },
} as unknown as ExperimentModel["base"];
const model: ExperimentModel = { settings, base, pool: [] };
const trained: ExperimentModel = { ...model, adapter: "runs/x/adapter" };

test("a variant says what it is, of which family and seed, and how it was trained", () => {
  const identity = { family: "tuned", seed: 7, cut: null, trained: trainingSettings(settings) };
  const kindOf = (...changes: object[]) =>
    changes.map((change) => experimentVariant("x", trained, change).identity!.kind);
  const { base: named, architecture } = experimentVariant("tuned", trained).settings;
  assert.deepEqual([named, architecture], ["some/model", "Llama"]);
  assert.deepEqual(experimentVariant("tuned", trained).identity, { kind: "model", ...identity });
  // Evaluated with another seed it is still the model of the seed that it was trained with.
  assert.deepEqual(
    experimentVariant("tuned, seed 7", trained, { seed: 8, candidates: 2, numBeams: 2 }, "tuned").identity,
    {
      kind: "model",
      ...identity,
    },
  );
  assert.deepEqual(experimentVariant("base", model, { k: 3 }).identity, {
    kind: "base",
    family: "base",
    seed: null,
    cut: null,
    trained: null,
  });
  assert.deepEqual(kindOf({ k: 3 }, { promptVariant: "plain" }, { maxNewTokens: 8 }), [
    "misused",
    "misused",
    "model",
  ]);
});
