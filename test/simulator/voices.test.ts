import assert from "node:assert/strict";
import { test } from "node:test";
import { readPersonaSpecs } from "../../src/corpus/specification";
import type { Judge } from "../../src/judges/case";
import { measureJudge } from "../../src/judges/measure";
import { readRecordFiles } from "../../src/simulator/embedded";
import { heldOutTurns, placesOf } from "../../src/simulator/places";
import { splitByTopic, topicsOf } from "../../src/simulator/topics";
import { halvesByTopic, namingJudge, trainVoices, voiceJudge } from "../../src/simulator/voices";
import { fewRecords, fewTurns, twoPersonas } from "./few-records";

const [playful, engineer] = twoPersonas;
const voices = trainVoices(fewRecords(["tea", "rain", "bread"]), { name: "few" });
const judge = (by: Judge, answer: string, persona: { readonly id: string } = playful!) =>
  by.judge({ persona: { facts: [], ...persona }, history: [], answer });

test("a turn is told by its words: the probability of who should speak, with whom it sounds like", async () => {
  const own = (await judge(voiceJudge(voices), "ooh, whee")) as { score: number; reason: string };
  assert.ok(own.score > 0.7, JSON.stringify(own));
  assert.match(own.reason, /^sounds like playful with 0\.\d\d$/);
  const other = (await judge(voiceJudge(voices), "ooh, whee", engineer)) as { score: number; reason: string };
  assert.ok(Math.abs(own.score + other.score - 1) < 1e-9);
  assert.match(other.reason, /^sounds like playful with 0\.\d\d, like terse_engineer with 0\.\d\d$/);
});

test("named is 1 where the persona is the likeliest, else 0", async () => {
  assert.equal(((await judge(namingJudge(voices), "ooh, whee")) as { score: number }).score, 1);
  assert.equal(((await judge(namingJudge(voices), "units. cause?")) as { score: number }).score, 0);
});

test("what says nothing, or is of a persona that was not learned, is unscorable", async () => {
  assert.deepEqual(await judge(voiceJudge(voices), " "), { unscorable: "the answer is empty" });
  assert.deepEqual(await judge(voiceJudge(voices), "hey", { id: "grump" }), {
    unscorable: "few knows the voices of playful, terse_engineer",
  });
});

test("one persona alone has no voice to tell apart", () => {
  assert.throws(() => trainVoices([fewTurns("playful", "tea")]), /two personas at least.*of 1/);
});

test("halves share no topic and nothing is lost", () => {
  const all = fewRecords(["tea", "rain", "bread"]);
  const [first, second] = halvesByTopic(all);
  assert.deepEqual(topicsOf(first), ["tea", "bread"]);
  assert.deepEqual(topicsOf(second), ["rain"]);
  assert.equal(first.length + second.length, all.length);
});

test("of the written dialogues, a half of the topics is enough to judge others by, and either half may reward", async () => {
  const records = readRecordFiles();
  const { train, valid } = splitByTopic(records, topicsOf(records));
  const places = heldOutTurns(placesOf(valid, readPersonaSpecs()));
  for (const half of halvesByTopic(train)) {
    const card = await measureJudge(voiceJudge(trainVoices(half)), places, {
      data: "valid",
      command: "none",
    });
    for (const kind of ["swapped", "contradicted"] as const)
      assert.ok(card[kind].auc.low > 0.75, `${kind}: ${JSON.stringify(card[kind].auc)}`);
  }
});
