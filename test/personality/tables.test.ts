import assert from "node:assert/strict";
import type { Likelihood } from "../../src/likelihood/likelihood";
import { test } from "node:test";
import type { TraitEffect } from "../../src/personality/control";
import { fitTraitScorers } from "../../src/personality/scoring";
import {
  countTraits,
  effectTable,
  labelAgreementRows,
  labelFacts,
  sayEffects,
  shuffleTraits,
  situationPerSpeaker,
  talkRows,
} from "../../src/personality/tables";
import { someDialogues } from "./some";

test("speakers are counted by level", () => {
  const dialogues = someDialogues(3);
  const [openness] = countTraits([
    ...dialogues,
    { ...dialogues[0]!, personas: [{ facts: [] }, { facts: [] }] },
  ]);
  assert.deepEqual(openness, { trait: "openness", high: 8, low: 4, "nothing said": 2 });
});

test("labels from facts: shares, and κ where there is more than one label", async () => {
  const dialogues = someDialogues(20);
  const labels = await labelFacts(dialogues.slice(0, 4), await fitTraitScorers(dialogues));
  const [row] = labelAgreementRows(labels);
  assert.equal(row!["personas"], 8);
  assert.equal(row!["no clue"], 1);
  assert.equal(row!["κ"], 0);
  const [one] = labelAgreementRows(
    labels.filter(({ given }) => given === "high").map((label) => ({ ...label, given: "no clue" as const })),
  );
  assert.equal(one!["κ"], "none: one label alone");
});

test("shuffled traits: every pair of personas has another pair's, and what is said stays", () => {
  const dialogues = someDialogues(5).map((one, i) => ({
    ...one,
    personas: [{ facts: [`${i}`], traits: { openness: i / 10 } }, { facts: [] }] as const,
  }));
  const shuffled = shuffleTraits(dialogues, 7);
  assert.deepEqual(shuffled.map(({ turns }) => turns), dialogues.map(({ turns }) => turns)); // prettier-ignore
  assert.ok(
    shuffled.every(
      ({ personas }, i) => personas[0].traits!.openness !== i / 10 && personas[0].facts[0] === `${i}`,
    ),
  );
  assert.equal(shuffled[0]!.personas[1].traits, undefined);
});

test("one situation a speaker of whom something is known, the same ones for twins with as many turns", () => {
  const dialogues = someDialogues(4);
  const of = (form: string) =>
    situationPerSpeaker(
      dialogues.filter((one) => one.form === form),
      3,
    );
  assert.equal(of("traits").length, 8);
  assert.deepEqual(of("traits").map(({ speaker }) => speaker), [1, 2, 1, 2, 1, 2, 1, 2]); // prettier-ignore
  assert.deepEqual(of("traits").map(({ history }) => history.length), of("plain").map(({ history }) => history.length)); // prettier-ignore
  assert.deepEqual(
    situationPerSpeaker([{ ...dialogues[0]!, personas: [{ facts: [] }, { facts: [] }] }], 3),
    [],
  );
});

test("what is said of effects names what is shown, and says none where nothing is", () => {
  const effect = (
    trait: TraitEffect["trait"],
    measure: TraitEffect["measure"],
    value: number,
    isShown: boolean,
  ): TraitEffect => ({
    ...{
      trait,
      measure,
      situations: 9,
      difference: { value, low: value - 1, high: value + 1 },
      effectSize: value,
      pValue: 0.01,
      adjustedPValue: 0.05,
      isShown,
    },
  });
  const found = [
    effect("openness", "trait", 2, true),
    effect("neuroticism", "trait", -2, true),
    effect("openness", "words", 3, true),
  ];
  assert.match(
    sayEffects({ label: found }),
    /^label: openness of five traits steer by their scorers; beside that words with openness$/,
  );
  assert.match(
    sayEffects({ label: [effect("openness", "trait", 2, false)] }),
    /^label: none of five traits steer by their scorers; beside that none$/,
  );
  assert.deepEqual(effectTable({ label: found }).map(({ verdict }) => verdict), ["higher", "lower", "higher"]); // prettier-ignore
});

test("talks in a table: what was talked here has a price, data have none", async () => {
  const dialogues = someDialogues(20);
  const talk = { personas: dialogues[0]!.personas, turns: dialogues[0]!.turns, tokens: 80 };
  const asked: number[] = [];
  const likelihood: Likelihood = {
    name: "toy",
    fingerprint: "toy",
    logprobs: (said) => (asked.push(said.length), Promise.resolve(said.map(() => [-2]))),
    dispose: () => Promise.resolve(),
  };
  const rows = await talkRows(
    { talks: [talk], data: dialogues },
    await fitTraitScorers(dialogues),
    likelihood,
    {
      judged: 2,
      resamples: 10,
    },
  );
  assert.deepEqual(rows.map((row) => [row["naturalness"], row["coherence"]]), [[-2, 0], [-2, 0]]); // prettier-ignore
  assert.deepEqual(
    asked,
    [6, 6, 6],
    "three answered turns a dialogue, each behind its talk and behind a greeting",
  );
  assert.deepEqual(rows.map((row) => [row["way"], row["dialogues"], row["turns each"], row["tokens a turn"]]), [["talks", 1, 4, 20], ["data", 40, 4, "–"]]); // prettier-ignore
  assert.ok((rows[1]!["traits shown"] as number) > 0);
});
