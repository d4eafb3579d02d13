import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { errorRates, errorRows, factFates, findErrors, snippetsIn } from "../../src/analysis/errors";
import type { EvaluationCase } from "../../src/evaluation/files";
import { scoreCase } from "../../src/evaluation/scores";

function caseOf(change: Partial<EvaluationCase>): EvaluationCase {
  const base = {
    variant: "v",
    id: "test-1",
    personas: [["I bake rye bread.", "I own a red boat."], ["I am a tall nurse."]] as [string[], string[]],
    input: "persona-dialogue: <USER> a <SYSTEM> b",
    reference: "User 1: Hello there.\nUser 2: Hi.",
    output: "",
    ...change,
  };
  return { ...base, metrics: scoreCase(base) };
}

const fates = (one: EvaluationCase) => findErrors(one).facts.map(({ fate }) => fate);

test("a fact is said by its speaker, swapped to the other, missed where the reference has it by then, or unsaid", () => {
  const one = caseOf({
    output:
      "User 1: I bake every day, mostly bread.\nUser 2: My boat is red. And you, are you working anywhere near here?",
    reference:
      "User 1: Hello! What do you do?\nUser 2: I am a nurse, and quite tall.\nUser 1: I have a red boat.",
  });
  assert.deepEqual(fates(one), ["said", "swapped", "missed"]);
  assert.deepEqual(
    fates({ ...one, output: "User 1: Hi." }),
    ["unsaid", "unsaid", "unsaid"],
    "the reference, cut to two words, says nothing",
  );
});

test("half of a fact's content words are enough, in whichever turns of its speaker; function words do not count", () => {
  assert.deepEqual(fates(caseOf({ output: "User 1: Rye?\nUser 2: Yes.\nUser 1: Bread!" }))[0], "said");
  assert.deepEqual(
    fates(caseOf({ output: "User 1: I am a bread lover." }))[0],
    "unsaid",
    "one of bake, rye, bread",
  );
  assert.deepEqual(fates(caseOf({ output: "User 2: I am a nurse." }))[2], "said", "one of tall, nurse");
  const tastes = caseOf({
    personas: [["I love cats."], ["I like it."]],
    output: "User 1: I love tea.\nUser 2: I like it.",
  });
  assert.deepEqual(fates(tastes), ["unsaid", "unsaid"], "that something is loved is not yet what");
  const inline = caseOf({ output: "User 1: Hi! User 2: I bake rye bread. User 1: I have a red boat." });
  assert.deepEqual(fates(inline).slice(0, 2), ["swapped", "said"], "turns on one line");
  const empty = caseOf({ personas: [["I am."], [""]], output: "User 1: I am.\nUser 2: I am." });
  assert.deepEqual(fates(empty), ["unsaid", "unsaid"]);
});

test("phrasing is compared between the turns that say the fact", () => {
  const same = caseOf({
    output: "User 1: I bake rye bread.",
    reference: "User 1: Hi.\nUser 1: I bake rye bread.",
  });
  assert.equal(findErrors(same).facts[0]!.likeness, 1);
  const other = caseOf({
    output: "User 1: My bread? I bake it from dark rye at night.",
    reference:
      "User 1: Nothing beats baking. Rye is what people like when they get home hungry from bread queues.",
  });
  const [fact] = findErrors(other).facts;
  assert.ok(fact!.likeness! > 0 && fact!.likeness! < 0.3, String(fact!.likeness));
  assert.deepEqual(errorRows([findErrors(other)], "other words"), [
    {
      case: "test-1",
      speaker: "User 1",
      source: "I bake rye bread.",
      answer: "My bread? I bake it from dark rye at night.",
      reference: other.reference.slice("User 1: ".length),
    },
  ]);
  assert.equal(errorRates([other, same]).otherWords.value, 0.5);
});

const input =
  "persona-dialogue: <USER> a <SYSTEM> b <EXTERNAL KNOWLEDGE> Nice! I keep seven grey parrots. Do you like tea?";

test("a snippet's fact leaks where a speaker claims it", () => {
  const leaking = caseOf({
    input,
    output: "User 1: I bake rye bread.\nUser 2: I have seven grey parrots at home.",
  });
  const { leaks, firstPersonTurns } = findErrors(leaking);
  assert.equal(snippetsIn(input), "Nice! I keep seven grey parrots. Do you like tea?");
  assert.deepEqual(leaks, [
    {
      speaker: 2,
      snippetSentence: "I keep seven grey parrots.",
      answerTurn: "I have seven grey parrots at home.",
      words: ["seven", "grey", "parrots"],
    },
  ]);
  assert.equal(firstPersonTurns, 2);
  const clean: [string, string][] = [
    ["User 1: Are there seven grey parrots?", "nobody speaks of themselves"],
    ["User 1: I have parrots.", "one word of four"],
    ["User 1: I like tea.", "the snippet's sentence is about nobody"],
    ["User 1: I.\nUser 2: Seven grey parrots.", "not in one turn"],
  ];
  for (const [output, why] of clean) assert.deepEqual(findErrors(caseOf({ input, output })).leaks, [], why);
  const gap = "<EXTERNAL KNOWLEDGE> I am [User 1's name], the seven grey parrots' keeper.";
  assert.deepEqual(findErrors(caseOf({ input: gap, output: leaking.output })).leaks, [], "a gap left open");
  const known = caseOf({ ...leaking, personas: [["I love grey parrots."], ["I am seven."]] });
  assert.deepEqual(findErrors(known).leaks, [], "the words are in a persona");
  assert.deepEqual(findErrors(caseOf({ output: leaking.output })).leaks, [], "no snippets");
});

test("rates are shares of all facts and turns; chance is measured with the next case's snippets", () => {
  const output = "User 1: I bake rye bread.\nUser 2: I have seven grey parrots.";
  const leaking = caseOf({ input, output });
  const other = caseOf({
    id: "test-2",
    input: "<EXTERNAL KNOWLEDGE> I row.",
    output: "User 1: Hi.\nUser 2: Me too.",
  });
  const rates = errorRates([leaking, other]);
  assert.equal(rates.cases, 2);
  assert.deepEqual([rates.fates.said.value, rates.fates.unsaid.value], [1 / 6, 5 / 6]);
  assert.equal(rates.leaking.value, 1 / 3);
  assert.equal(rates.leakingByChance.value, 0);
  assert.equal(
    errorRates([leaking]).leakingByChance.value,
    rates.leaking.value * 1.5,
    "a single case is its own next",
  );
  assert.equal(errorRates([caseOf({})]).leaking.value, 0);
});

test("every fact has one fate, and any text is looked at", () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom("User 1: ", "User 2: ", "I ", "bread ", "seven ", "grey ", "\n", ". "), {
        maxLength: 20,
      })
      .map((parts) => parts.join("")),
  );
  const personas = fc.tuple(fc.array(text, { maxLength: 3 }), fc.array(text, { maxLength: 3 }));
  fc.assert(
    fc.property(fc.record({ personas, output: text, reference: text, input: text }), (change) => {
      const one = caseOf(change);
      const { facts, leaks, firstPersonTurns } = findErrors(one);
      assert.equal(facts.length, one.personas.flat().length);
      for (const { likeness } of facts) if (likeness !== undefined) assert.ok(likeness >= 0 && likeness <= 1);
      assert.ok(new Set(leaks.map(({ answerTurn }) => answerTurn)).size <= firstPersonTurns);
      const { fates } = errorRates([one], { resamples: 2 });
      const total = factFates.reduce((sum, fate) => sum + fates[fate].value, 0);
      assert.ok(Math.abs(total - (facts.length > 0 ? 1 : 0)) < 1e-9);
    }),
  );
});
