import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, Said } from "../../src/corpus/rows";
import {
  flipTraits,
  preferredNgrams,
  shiftMatrix,
  traitEffects,
  traitListening,
} from "../../src/personality/control";
import { fitTraitScorers } from "../../src/personality/scoring";
import { situationsOf } from "../../src/personality/situations";
import type { Speakers } from "../../src/personality/speakers";
import { talkInPairs, traitsByTurn, writeWhole } from "../../src/personality/talks";
import { someDialogues } from "./some";

const dialogues = someDialogues(20);
const situations = dialogues
  .filter(({ form }) => form === "traits")
  .flatMap((one) => situationsOf(one).slice(0, 1));
const system = (said: Said) => (said as readonly Message[])[0]!.content;

/** Speakers of whom "hears" does as it is told of extraversion and "deaf" does not. */
const speakers: Speakers = {
  taskType: "CAUSAL_LM",
  names: ["hears", "deaf"],
  say: (name, prompts) =>
    Promise.resolve(
      prompts.map((said, i) => {
        const isHigh = system(said).includes("high extraversion");
        const text = name === "deaf" ? `A walk ${i}.` : isHigh ? "A party, will you come?" : "So quiet.";
        return { text, promptTokens: 10, tokens: 3 };
      }),
    ),
  nats: (name, said) =>
    Promise.resolve(
      said.map(({ prompt, completion }, i) => {
        const spoken = (completion as readonly Message[])[0]!.content;
        const fits = system(prompt).includes(
          spoken.includes("party") ? "high extraversion" : "low extraversion",
        );
        return 10 + (i % 3) / 10 + (name === "hears" && !fits ? 1 : 0);
      }),
    ),
  dispose: () => Promise.resolve(),
};

test("a flipped trait that a model hears moves its scorer and its questions; other traits, and a deaf model, move nothing", async () => {
  const scorers = await fitTraitScorers(dialogues);
  const heard = await flipTraits(speakers, "hears", situations, "label", { maxNewTokens: 4 });
  assert.equal(heard.length, 5 * situations.length);
  assert.equal(heard[0]!.trait, "openness");
  const effects = await traitEffects(heard, scorers, { resamples: 200 });
  const of = (trait: string, measure: string) =>
    effects.find((one) => one.trait === trait && one.measure === measure)!;
  assert.ok(of("extraversion", "trait").isShown && of("extraversion", "trait").difference.low > 1);
  assert.equal(of("extraversion", "questions").difference.value, 1);
  assert.ok(of("extraversion", "questions").isShown);
  for (const trait of ["openness", "neuroticism"]) {
    assert.deepEqual(of(trait, "trait").difference, { value: 0, low: 0, high: 0 });
    assert.equal(of(trait, "trait").isShown, false);
    assert.equal(of(trait, "trait").effectSize, 0);
  }
  const matrix = await shiftMatrix(heard, scorers);
  assert.ok(matrix[2]![2]! > 1 && matrix[0]![2] === 0);
  const [first] = preferredNgrams(heard, "extraversion");
  assert.ok(
    first!.z > 0 &&
      ["a", "party", "a party", "will", "you", "come", "party will", "will you", "you come"].includes(
        first!.ngram,
      ),
  );

  const deaf = await traitEffects(
    await flipTraits(speakers, "deaf", situations, "label", { maxNewTokens: 4 }),
    scorers,
    { resamples: 50 },
  );
  assert.deepEqual(deaf.filter(({ isShown }) => isShown), []); // prettier-ignore
});

test("p-values are adjusted for the five traits of a measure, intervals are of 99 %", async () => {
  const scorers = await fitTraitScorers(dialogues);
  const effects = await traitEffects(
    await flipTraits(speakers, "hears", situations, "label", { maxNewTokens: 4 }),
    scorers,
    { resamples: 50 },
  );
  const one = effects.find(({ trait, measure }) => trait === "extraversion" && measure === "words")!;
  assert.ok(Math.abs(one.adjustedPValue - 5 * one.pValue) < 1e-9);
});

test("a model listens to a label by which what was said is likelier; shuffled ears hear nothing", async () => {
  const own = situations.filter(({ said }) => /party|quiet/.test(said));
  const found = await traitListening(speakers, "hears", own, "label", { resamples: 200 });
  const extraversion = found.find(({ trait }) => trait === "extraversion")!;
  assert.ok(
    extraversion.isShown && Math.abs(extraversion.gain.value - 1) < 0.2,
    JSON.stringify(extraversion),
  );
  const openness = found.find(({ trait }) => trait === "openness")!;
  assert.equal(openness.isShown, false);
  assert.ok(
    (await traitListening(speakers, "deaf", own, "label", { resamples: 200 })).every(
      ({ isShown }) => !isShown,
    ),
  );
});

test("a liking for one of two words, whoever is told it, is no listening; a trait at one level alone is left out", async () => {
  const fond: Speakers = {
    ...speakers,
    nats: (_, said) =>
      Promise.resolve(
        said.map(({ prompt }, i) => 10 + (i % 3) / 100 - Number(system(prompt).includes("high openness"))),
      ),
  };
  const [high, low] = (["high", "low"] as const).map((level) =>
    situations.filter(({ persona }) => persona.traits!.openness === level),
  );
  const found = await traitListening(fond, "fond", [...high!, ...low!.slice(0, 2)], "label", {
    resamples: 200,
  });
  const openness = found.find(({ trait }) => trait === "openness")!;
  assert.ok(Math.abs(openness.gain.value) < 0.05 && !openness.isShown, JSON.stringify(openness));
  assert.deepEqual(await traitListening(fond, "fond", high!, "label", { resamples: 20 }), []);
});

test("two talk in turn, each told of itself alone; traits are counted by turn towards what the speaker has", async () => {
  const [pair] = dialogues.map(({ personas }) => personas);
  const quiet = { ...pair![1], traits: { extraversion: "low" } } as const;
  const asked: Said[][] = [];
  const listening: Speakers = {
    ...speakers,
    say: (name, prompts, options) => (asked.push([...prompts]), speakers.say(name, prompts, options)),
  };
  const [talk] = await talkInPairs(listening, "hears", [[pair![0], quiet]], "label", {
    turns: 4,
    maxNewTokens: 4,
  });
  assert.deepEqual(talk!.turns.map(({ speaker, text }) => [speaker, text]), [
    [1, "A party, will you come?"], [2, "So quiet."], [1, "A party, will you come?"], [2, "So quiet."],
  ]); // prettier-ignore
  assert.equal(talk!.tokens, 4 * 13);
  assert.deepEqual((asked[1]![0] as Message[]).slice(1), [
    { role: "user", content: "A party, will you come?" },
  ]);
  assert.ok(!system(asked[1]![0]!).includes("tram"));
  const shown = await traitsByTurn([talk!, talk!], await fitTraitScorers(dialogues));
  assert.deepEqual(shown.map(({ turn, turns }) => [turn, turns]), [[1, 2], [2, 2], [3, 2], [4, 2]]); // prettier-ignore
  for (const one of shown.filter(({ turn }) => turn % 2 === 0)) assert.ok(one.shown.value > 0);
});

test("one writer goes on from the first speaker's name; what it writes is turns, as many as asked for", async () => {
  const writer: Speakers = {
    ...speakers,
    say: (_, prompts) =>
      Promise.resolve(
        prompts.map((said) => ({
          text: "Hello. User 2: Hi. User 1: Bye.",
          promptTokens: (said as string).endsWith("\nUser 1:") ? 9 : 0,
          tokens: 3,
        })),
      ),
  };
  const [talk] = await writeWhole(writer, "whole", [dialogues[0]!.personas], "label", {
    turns: 2,
    maxNewTokens: 9,
  });
  assert.deepEqual(talk!.turns.map(({ speaker, text }) => [speaker, text]), [[1, "Hello."], [2, "Hi."]]); // prettier-ignore
  assert.equal(talk!.tokens, 12);
});
