import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { Persona } from "../../src/corpus/persona";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { buildPrompt, promptTags, promptVariants } from "../../src/prompts/prompt";
import { buildTarget } from "../../src/prompts/target";

const personas: [Persona, Persona] = [
  { facts: ["I have two dogs.", "I bake bread."] },
  { facts: ["I am a nurse.", "I love\nthe sea."] },
];
const countWords = (text: string) => text.split(" ").filter(Boolean).length + 1;

test("the three variants", () => {
  const snippets = ["Do you bake?", "Yes, every day."];
  const text = (options: Parameters<typeof buildPrompt>[1]) => buildPrompt({ personas }, options).text;
  const one = "I have two dogs. I bake bread.";
  const two = "I am a nurse. I love the sea.";
  assert.equal(text({ variant: "plain", snippets }), `${one} ${two} Do you bake? Yes, every day.`);
  assert.equal(
    text({ variant: "tags", snippets }),
    `<USER> ${one} <SYSTEM> ${two} <EXTERNAL KNOWLEDGE> Do you bake? Yes, every day.`,
  );
  assert.equal(
    text({ snippets }),
    `persona-dialogue: <USER> ${one} <SYSTEM> ${two} <EXTERNAL KNOWLEDGE> Do you bake? Yes, every day.`,
  );
  assert.equal(text({}), `persona-dialogue: <USER> ${one} <SYSTEM> ${two}`);
  assert.equal(text({ snippets: [" "] }), `persona-dialogue: <USER> ${one} <SYSTEM> ${two}`);
});

test("snippets are cut before personas, personas evenly, and both are counted", () => {
  const source = { personas: [{ facts: ["a b c d"] }, { facts: ["e f"] }] as [Persona, Persona] };
  const cutTo = (maxTokens: number) =>
    buildPrompt(source, {
      variant: "plain",
      snippets: ["g h", "i"],
      budget: { maxTokens, countTokens: countWords },
    });
  assert.deepEqual(cutTo(10), {
    text: "a b c d e f g h i",
    cut: { snippetWords: 0, snippets: 0, personaWords: 0 },
  });
  assert.deepEqual(cutTo(8), {
    text: "a b c d e f g",
    cut: { snippetWords: 2, snippets: 2, personaWords: 0 },
  });
  assert.deepEqual(cutTo(7), { text: "a b c d e f", cut: { snippetWords: 3, snippets: 2, personaWords: 0 } });
  assert.deepEqual(cutTo(6), { text: "a b c e f", cut: { snippetWords: 3, snippets: 2, personaWords: 1 } });
  assert.deepEqual(cutTo(4).text, "a e");
  assert.throws(() => cutTo(0), /0 tokens are too few for an empty prompt, ""/);
});

const text = fc.oneof(
  fc.string(),
  fc.lorem({ maxCount: 8 }),
  fc.constantFrom("<USER>", "a <EXTERNAL KNOWLEDGE> b", "</s>", "<extra_id_7>"),
);
const persona = fc.record({ facts: fc.array(text, { maxLength: 4 }) });

test("whatever the texts and the budget: whole tags in order, and nothing lost that is not counted", () => {
  fc.assert(
    fc.property(
      fc.tuple(persona, persona),
      fc.array(text, { maxLength: 3 }),
      fc.constantFrom(...promptVariants),
      fc.integer({ min: 6, max: 40 }),
      (pair, snippets, variant, maxTokens) => {
        const whole = buildPrompt({ personas: pair }, { snippets, variant });
        const cut = buildPrompt(
          { personas: pair },
          { snippets, variant, budget: { maxTokens, countTokens: countWords } },
        );
        assert.ok(countWords(cut.text) <= maxTokens);
        const lost = cut.cut.snippetWords + cut.cut.personaWords;
        const tagGone = whole.text.includes(promptTags.knowledge) && !cut.text.includes(promptTags.knowledge);
        const tagWords = tagGone ? 2 : 0;
        assert.equal(countWords(whole.text) - countWords(cut.text), lost + tagWords);
        if (cut.cut.personaWords > 0) assert.ok(!cut.text.includes(promptTags.knowledge));
        const tags = [...cut.text.matchAll(/<(USER|SYSTEM|EXTERNAL KNOWLEDGE)>/g)].map(([tag]) => tag);
        const expected = variant === "plain" ? [] : [promptTags.user, promptTags.system];
        assert.deepEqual(tags.slice(0, 2), expected);
        assert.ok(tags.length <= expected.length + 1);
        assert.doesNotMatch(cut.text, /<\/s>|<extra_id_/);
        if (whole.text === cut.text) assert.equal(lost, 0);
      },
    ),
  );
});

test("the target is the turns, a line each", () => {
  const turns = [
    { speaker: 1 as const, text: "Hi!" },
    { speaker: 2 as const, text: "Hello,  you." },
    { speaker: 2 as const, text: "<USER>" },
  ];
  assert.equal(buildTarget({ turns }), "User 1: Hi!\nUser 2: Hello, you.\nUser 2: USER");
});

const flan = "../shared/data/flan-t5-small";
test("a budget in FLAN-T5's tokens", { skip: existsSync(flan) ? false : `${flan} is missing` }, async () => {
  const tokenizer = await loadTokenizer(flan);
  const countTokens = (prompt: string) => tokenizer.encode(prompt).length;
  for (const maxTokens of [24, 40, 64, 96]) {
    const budget = { maxTokens, countTokens };
    const snippets = Array.from({ length: 5 }, () => "I swim in the sea every morning, even in winter.");
    const prompt = buildPrompt({ personas }, { snippets, budget });
    const used = countTokens(prompt.text);
    assert.ok(used <= maxTokens && used > maxTokens - 8, `${used} of ${maxTokens}`);
  }
});

test("of a persona or a snippet of 130,000 words only the beginning is looked at, with the same result", () => {
  const long = Array.from({ length: 130_000 }, (_, i) => `w${i}`).join(" ");
  let counted = 0;
  const countTokens = (text: string) => {
    const words = countWords(text);
    counted += words;
    return words;
  };
  const build = (persona: string, snippets: string[], maxTokens: number) =>
    buildPrompt(
      { personas: [{ facts: [persona] }, { facts: ["e f"] }] },
      { variant: "plain", snippets, budget: { maxTokens, countTokens } },
    );
  const cut = build(long, ["x y"], 1000);
  assert.equal(cut.text.split(" ").length, 999);
  assert.deepEqual(cut.cut, { snippetWords: 2, snippets: 1, personaWords: 130_000 - 997 });
  const enriched = build("a b", [long, "x"], 1000);
  assert.equal(enriched.text.split(" ").length, 999);
  assert.deepEqual(enriched.cut, { snippetWords: 130_001 - 995, snippets: 2, personaWords: 0 });
  assert.equal(build(long, [long], 300_000).cut.snippetWords, 0);
  counted = 0;
  build(long, [long], 1000);
  assert.ok(counted < 20_000, `${counted} words were counted`);
});
