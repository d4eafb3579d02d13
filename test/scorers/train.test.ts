import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readJson, writeJson } from "../../src/io/files";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { readCard } from "../../src/scorers/card";
import { rewardModelReward } from "../../src/rewards/reward-model";
import {
  embeddedScorers,
  openLabelScorer,
  openMeasuredScorer,
  openRewardScorer,
  openScorer,
} from "../../src/scorers/open";
import type { ScoredText } from "../../src/scorers/scorer";
import { checkScorerTraining, trainScorer } from "../../src/scorers/train";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";

const directory = mkdtempSync(join(tmpdir(), "scorer-"));
after(() => rmSync(directory, { recursive: true }));
const place = (name: string) => join(directory, name);

/** Whether two words are the same; and answers of which the one with "good" is better. */
const words = ["cat", "dog", "red", "sun"];
const pairs = words.flatMap((first) =>
  words.map((second) => ({ premise: first, hypothesis: second, label: first === second ? "yes" : "no" })),
);
const answers = words.map((word) => ({ prompt: word, chosen: `good ${word}`, rejected: `bad ${word}` }));
const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

before(() => {
  const model = randomLlama(TINY_LLAMA, 5);
  mkdirSync(place("model"));
  writeTinyChatTokenizer(place("model"));
  writeModelDirectory(place("model"), { ...model, configFile: TINY_LLAMA });
  writeFileSync(place("pairs.jsonl"), lines(pairs));
  writeFileSync(place("answers.jsonl"), lines(answers));
});

const settings = (name: string, change: object = {}) =>
  checkScorerTraining(
    {
      output: place(name),
      name,
      labels: ["yes", "no"],
      reads: ["premise", "hypothesis"],
      train: place("pairs.jsonl"),
      valid: place("pairs.jsonl"),
      licence: "CC0-1.0",
      model: place("model"),
      rank: 4,
      alpha: 8,
      epochs: 2,
      batchSize: 8,
      warmupSteps: 1,
      learningRate: 0.01,
      ...change,
    },
    "settings",
  );
const asked: ScoredText[] = [["cat", "cat"], ["cat", "a long red sun"], ["dog", "red"]]; // prettier-ignore

for (const [name, change] of Object.entries({
  "an adapter": {},
  "a whole model": { form: "model" },
  "two texts read apart": { kind: "pairwise" },
  "a logistic model": { form: "logistic", epochs: 20, learningRate: 0.1 },
}))
  test(`${name}: trained twice it is the same to the bit, and what it says does not depend on what is asked beside`, async () => {
    const told = settings(name, change);
    const first = await trainScorer(told);
    assert.equal(first.card.training.count, pairs.length);
    const scorer = await openLabelScorer(place(name));
    const found = await scorer.probabilities(asked);
    for (const row of found) assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-6);
    assert.notDeepEqual(found[0], found[2]);
    const [alone] = await scorer.probabilities([asked[1]!]);
    alone!.forEach((p, i) => assert.ok(Math.abs(p - found[1]![i]!) < 1e-5));
    await scorer.close();
    await trainScorer({ ...told, output: place(`${name} again`) });
    for (const file of ["adapter_model.safetensors", "model.safetensors", "logistic.json"]) {
      const both = [place(name), place(`${name} again`)].map((folder) => join(folder, file));
      assert.equal(existsSync(both[0]!), existsSync(both[1]!));
      if (existsSync(both[0]!)) assert.deepEqual(readFileSync(both[0]!), readFileSync(both[1]!), file);
    }
  });

test("a reward model prefers what was chosen, after it is opened too", async () => {
  const told = settings("reward", {
    kind: "reward",
    labels: ["good"],
    reads: ["prompt", "answer"],
    train: place("answers.jsonl"),
    valid: place("answers.jsonl"),
    epochs: 30,
  });
  await trainScorer(told);
  const scorer = await openRewardScorer(place("reward"));
  const rewards = await scorer.rewards([["cat", "good cat"], ["cat", "bad cat"]]); // prettier-ignore
  assert.ok(rewards[0]! > rewards[1]!, String(rewards));
  // As a reward, through the method that learns from it.
  const cases = ["good cat", "bad cat"].map((completion) => ({
    prompt: "cat",
    completion,
    tokens: 2,
    ended: true,
  }));
  assert.deepEqual(await rewardModelReward(scorer).score(cases), rewards);
  await scorer.close();
  await assert.rejects(openLabelScorer(place("reward")), /a scorer of labels is needed/);
  await assert.rejects(
    openMeasuredScorer(place("an adapter")),
    /an adapter: nothing says what it gets wrong; npm run score -- measure .*an adapter ROWS --write/,
  );
  const embedded = await openMeasuredScorer(`${embeddedScorers}/nli`);
  assert.deepEqual([embedded.scorer.labels.length, embedded.measured.confusion.flat().length], [3, 9]);
});

test("a folder of transformers' form without a card is opened by its config", async () => {
  rmSync(join(place("a whole model"), "scorer.json"));
  const scorer = await openScorer(place("a whole model"), { reads: ["premise", "hypothesis"] });
  assert.deepEqual(scorer.kind === "labels" && scorer.labels, ["yes", "no"]);
  await scorer.close();
  await assert.rejects(openRewardScorer(place("a whole model")), /a reward model is needed/);
  await assert.rejects(openScorer(place("model")), /no head for whole texts/);
});

test("texts that a scorer does not read are refused by number", async () => {
  const scorer = await openLabelScorer(place("an adapter"));
  await assert.rejects(
    scorer.probabilities(["cat"]),
    /reads two texts \(premise, hypothesis\), but text 1 has 1/,
  );
  await assert.rejects(scorer.probabilities([["cat", " "]]), /the hypothesis of text 1 is empty/);
  assert.deepEqual(await scorer.probabilities([]), []);
  await scorer.close();
});

test("an adapter over another base, and folders that are no scorer, are refused", async () => {
  const card = readCard(place("an adapter"))!;
  const other = { ...card, base: { ...card.base!, checksum: "0" } };
  writeJson(join(place("an adapter"), "scorer.json"), other);
  await assert.rejects(openScorer(place("an adapter")), /whose parameters were others/);
  writeJson(join(place("an adapter"), "scorer.json"), { version: 1 });
  await assert.rejects(openScorer(place("an adapter")), /scorer\.json/);
  mkdirSync(place("empty"));
  await assert.rejects(openScorer(place("empty")), /empty: .*a scorer's folder has scorer\.json/);
  appendFileSync(place("file"), "x");
  await assert.rejects(openScorer(place("file")), /a file, where a scorer's folder is needed/);
});

test("settings that mean nothing are refused by name", () => {
  const told = readJson(join(place("a logistic model"), "scorer.json")) as { training: { settings: object } };
  const check = (change: object) => () =>
    checkScorerTraining({ ...told.training.settings, ...change }, "scorers/nli.json");
  assert.doesNotThrow(check({}));
  assert.throws(
    check({ learningrate: 1 }),
    /scorers\/nli\.json: not a training of a scorer:[\s\S]*learningrate/,
  );
  assert.throws(check({ form: "logistic", kind: "reward" }), /a logistic model is of kind classification/);
  assert.throws(check({ form: "model", kind: "pairwise", reads: ["text"] }), /reads two texts/);
});
