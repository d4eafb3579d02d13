import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changeSettings,
  defaultExperiment,
  type ExperimentSettings,
  parseExperiment,
  settingRows,
  settingsOf,
  trainingSettings,
} from "../../src/experiments/settings";

test("the profiles' settings are whole and survive a file", () => {
  for (const profile of ["quick", "full"] as const) {
    const settings = defaultExperiment(profile);
    assert.deepEqual(parseExperiment(JSON.parse(JSON.stringify(settings)), "a file"), settings);
  }
  const { learningRate, maxSteps, warmupSteps, batchSize, maxNewTokens } = defaultExperiment("full");
  assert.deepEqual(
    { learningRate, maxSteps, warmupSteps, batchSize, maxNewTokens },
    { learningRate: 1e-4, maxSteps: 600, warmupSteps: 100, batchSize: 8, maxNewTokens: 96 },
    "the proposal's run",
  );
});

/** As they lie beside an adapter, in the order that its run's fingerprint was taken of. */
const saved = `{"seed":13,"nTrain":192,"nValidation":24,"nTest":24,"maxSteps":100,"batchSize":8,"gradientAccumulation":1,
  "learningRate":0.0001,"warmupSteps":10,"schedule":"constant_with_warmup","personaWeight":5,"labelSmoothing":0,
  "evalSteps":20,"loadBestModelAtEnd":false,"frozenWeights":"float32","rank":16,"alpha":32,"loraDropout":0.05,
  "trainHead":true,"unfrozenEncoderBlocks":0,"unfrozenDecoderBlocks":0,"promptVariant":"template","retriever":"none","k":0,
  "snippetTurns":2,"maxInputTokens":224,"targetStart":"beginning","maxNewTokens":96,"minNewTokens":0,"numBeams":1,
  "lengthPenalty":1,"doSample":false,"temperature":1,"topK":0,"topP":1,"noRepeatNgramSize":4,"repetitionPenalty":1.2,
  "candidates":1}`;

test("settings that were saved are read and stay the same run", () => {
  const before = JSON.parse(saved) as Partial<ExperimentSettings>;
  const quick = defaultExperiment("quick");
  for (const settings of [
    defaultExperiment("quick", before),
    parseExperiment({ ...quick, ...before }, "settings.json"),
  ]) {
    const known = Object.entries(settings).filter(([name]) => name in before);
    assert.equal(JSON.stringify(Object.fromEntries(known)), JSON.stringify(before));
  }
  assert.throws(
    () => parseExperiment({ ...defaultExperiment("quick"), k: undefined }, "settings.json"),
    /settings\.json: there is no k\n/,
  );
});

test("a setting is found by what it decides, and told with its section and meaning", () => {
  assert.deepEqual(settingsOf("retrieval", "unfreezing"), [
    "unfrozenEncoderBlocks",
    "unfrozenDecoderBlocks",
    "retriever",
    "k",
    "snippetTurns",
  ]);
  assert.deepEqual(settingsOf("evaluation", "seed"), ["seed", "nTest"]);
  const settings = defaultExperiment("quick", { rank: 4 });
  const rows = settingRows(settings);
  assert.deepEqual(
    rows.map(({ setting, value }) => [setting, value]),
    Object.entries(settings).map(([name, value]) => [name, String(value)]),
  );
  const rank = rows.find(({ setting }) => setting === "rank");
  assert.deepEqual(rank, {
    section: "Adaptation",
    setting: "rank",
    value: "4",
    meaning: "r of the adapters.",
  });
});

test("the retriever and the number of snippets follow one another", () => {
  const plain = defaultExperiment("quick");
  const choice = (changes: object, from = plain) => {
    const { k, retriever } = changeSettings(from, changes);
    return [k, retriever];
  };
  assert.deepEqual(choice({}), [0, "none"]);
  assert.deepEqual(choice({ k: 5 }), [5, "tfidf"]);
  assert.deepEqual(choice({ retriever: "bm25" }), [3, "bm25"]);
  assert.deepEqual(choice({ k: 0, retriever: "bm25" }), [0, "none"]);
  assert.deepEqual(choice({ k: 4, retriever: "none" }), [0, "none"]);
  const retrieving = changeSettings(plain, { k: 1, retriever: "random" });
  assert.deepEqual(choice({ seed: 2 }, retrieving), [1, "random"]);
  assert.deepEqual(choice({ k: 3 }, retrieving), [3, "random"]);
  assert.deepEqual(choice({ k: 0 }, retrieving), [0, "none"]);
});

test("settings that mean nothing are refused by name", () => {
  const refuse = (changes: object, message: RegExp) =>
    assert.throws(() => defaultExperiment("quick", changes), message);
  refuse({ learningRat: 1e-3 }, /learningRat"[\s\S]*The settings are seed, nTrain/);
  refuse({ learningRat: 1e-3 }, /"learningRat": there is no such name. Did you mean learningRate\?/);
  refuse({ rank: 0 }, /rank/);
  refuse({ nTest: -3, labelSmoothing: 2 }, />0, not -3, at nTest; .*<1, not 2, at labelSmoothing/);
  refuse({ retriever: "bm52" }, /"none"\|"tfidf"\|"bm25".*, not "bm52", at retriever/);
  refuse({ retriever: "bm42" }, /retriever/);
  refuse({ topK: 5 }, /experiment settings: generation options: [\s\S]*doSample[\s\S]*topK/);
  refuse({ loadBestModelAtEnd: true, evalSteps: 0 }, /loadBestModelAtEnd/);
  const quick = defaultExperiment("quick");
  assert.throws(() => parseExperiment({ ...quick, k: 2 }, "x.json"), /x\.json: [\s\S]*go together/);
  assert.throws(() => parseExperiment([], "x.json"), /x\.json/);
});

test("how a model answers is not part of what is trained", () => {
  const settings = defaultExperiment("quick");
  const other = changeSettings(settings, { nTest: 5, noRepeatNgramSize: 3, numBeams: 2 });
  assert.deepEqual(trainingSettings(other), trainingSettings(settings));
  assert.notDeepEqual(
    trainingSettings(changeSettings(settings, { maxNewTokens: 64 })),
    trainingSettings(settings),
  );
});
