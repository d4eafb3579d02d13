import assert from "node:assert/strict";
import { test } from "node:test";
import type { Likelihood, SaidAfter } from "../../src/likelihood/likelihood";
import { Random } from "../../src/random/random";
import { simpleTokens } from "../../src/text/characters";
import {
  factGains,
  majority,
  measureDialogues,
  measureFaithfulness,
  nextTurns,
  qualityOf,
  withDistractors,
  wordFaithfulness,
} from "../../src/synthesis/evaluate";
import { dialogue } from "./fakes";

/** Finds a text as likely as the share of its words that stand before it, the greeting and the question left out. */
const asked: SaidAfter[] = [];
const recalling: Likelihood = {
  name: "recalling",
  fingerprint: 0,
  logprobs: (said) => {
    asked.push(...said);
    return Promise.resolve(
      said.map(({ before, answer }) => {
        const known = new Set(
          before.flatMap(({ content }) => simpleTokens(content.replace("Tell me about yourself.", ""))),
        );
        const tokens = simpleTokens(answer);
        return [tokens.filter((token) => known.has(token)).length / tokens.length - 1];
      }),
    );
  },
  dispose: () => Promise.resolve(),
};

const facts: [string[], string[]] = [["I bake bread.", "My cat sings."], ["I sail boats."]];
const one = dialogue("one", facts, "Bread, bread, I bake it.", "Boats for me.", "I see.", "I sail them.");

test("a dialogue's gain for a fact is what it adds to the fact's likelihood as the speaker's answer", async () => {
  asked.length = 0;
  const gains = await factGains(recalling, one, 1, facts[0]);
  // Of "i bake bread" all words are said; of "my cat sings" none.
  assert.deepEqual(gains, [1, 0]);
  assert.deepEqual(asked[0]!.before, [
    { role: "user", content: "Hello!" },
    { role: "assistant", content: "Bread, bread, I bake it." },
    { role: "user", content: "Boats for me." },
    { role: "assistant", content: "I see." },
    { role: "user", content: "I sail them. Tell me about yourself." },
  ]);
  assert.deepEqual(asked[2]!.before, [{ role: "user", content: "Tell me about yourself." }]);
  asked.length = 0;
  await factGains(recalling, one, 2, facts[1]);
  assert.deepEqual(asked[0]!.before.at(-1), { role: "user", content: "Tell me about yourself." });
  assert.deepEqual(
    asked[0]!.before.map(({ role }) => role),
    ["user", "assistant", "user", "assistant", "user"],
  );
  assert.deepEqual(await factGains(recalling, one, 2, []), []);
});

test("distractors are the speaker's facts denied, and facts of others", () => {
  const { texts, own } = withDistractors(
    one,
    1,
    ["I ski.", "I sail boats.", "I dig.", "My cat sings."],
    new Random(1),
  );
  assert.equal(own, 2);
  assert.deepEqual(new Set(texts.slice(0, 2)), new Set(facts[0]));
  assert.equal(
    texts.length,
    4,
    "a denial of the one fact that rules can deny, and as many others as there is room for",
  );
  assert.ok(texts.includes("I do not bake bread."));
});

test("precision and recall count the facts that a dialogue makes likelier", async () => {
  const flat: Likelihood = {
    ...recalling,
    logprobs: (said) =>
      Promise.resolve(
        said.map(({ before, answer }) => [
          before.length > 1 && ["I bake bread.", "I sail boats.", "I dig."].includes(answer)
            ? 0
            : before.length > 1
              ? -2
              : -1,
        ]),
      ),
  };
  const measured = await measureFaithfulness(flat, [one], ["I dig."], { resamples: 10 });
  // Taken: "I bake bread." and perhaps the stranger of the first, "I sail boats." and the stranger of the second.
  assert.equal(measured.recall.value, 2 / 3);
  assert.ok(measured.precision.value < 1 && measured.precision.value >= 0.5);
});

test("word rules tell who says which fact", () => {
  assert.deepEqual(wordFaithfulness(one), { said: 2 / 3, owned: 2 / 3, swapped: 0 });
  const swapped = dialogue("two", facts, "I sail boats.", "And I bake bread.");
  assert.deepEqual(wordFaithfulness(swapped), { said: 2 / 3, owned: 0, swapped: 2 / 3 });
  const rows = qualityOf([one, swapped], { resamples: 20 });
  assert.deepEqual(rows.map(({ quality, value }) => [quality, Number(value.toFixed(3))]).slice(0, 2), [
    ["facts said", 0.667],
    ["facts said by their own speaker", 0.333],
  ]);
});

test("the next turn is looked for among others, with the persona and without", async () => {
  const cats = dialogue(
    "cats",
    [["My cat sings loudly."], ["I sail."]],
    "Hello.",
    "Hello.",
    "My cat sings loudly.",
    "Nice.",
  );
  const { withPersona, without } = await nextTurns(
    recalling,
    [{ ...cats, turns: cats.turns.slice(0, 3) }],
    ["Snow falls.", "Rain falls."],
    1,
  );
  assert.deepEqual([withPersona, without], [[1], [0]]);
});

test("what is measured of dialogues is a row each, with its interval", async () => {
  const rows = await measureDialogues(recalling, [one], {
    ...{ seed: 1, resamples: 5, facts: ["I dig."], turns: ["Snow falls."] },
    followUps: [{ name: "clear", afterGood: ["I bake bread."], afterBad: ["What?"] }],
  });
  assert.deepEqual(
    rows.map(({ measure }) => measure),
    ["precision of facts", "recall of facts", "hit@1 with persona", "hit@1 without", "FED-like: clear"],
  );
  // The other one has the talk from its partner's first turn on: of "i bake bread" one word of three was said, of "what" none.
  const { value, low, high } = rows.at(-1)!;
  for (const score of [value, low, high]) assert.ok(Math.abs(score - 1 / 3) < 1e-9);
});

test("a majority of votes decides between two dialogues", async () => {
  const expert = (vote: "first" | "second" | "tie") => ({
    name: vote,
    fingerprint: 0,
    vote: () => Promise.resolve(vote),
  });
  assert.equal(await majority(one, one, [expert("first"), expert("tie"), expert("tie")]), "win");
  assert.equal(await majority(one, one, [expert("first"), expert("second"), expert("tie")]), "tie");
  assert.equal(await majority(one, one, [expert("second")]), "lose");
});
