import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  randomBaseline,
  referenceBaseline,
  retrievalBaseline,
  templateBaseline,
} from "../../src/baselines/baselines";
import { cutVariant } from "../../src/baselines/cut";
import { factsOf, personaText } from "../../src/corpus/persona";
import { parseConversation } from "../../src/corpus/spc/conversation";
import type { SpcRow } from "../../src/corpus/spc/types";
import { personaCoverage } from "../../src/metrics/overlap";
import { cutToTokens } from "../../src/text/cut";

function conversation(id: string, first: string, second: string, text: string): SpcRow {
  const rest = { split: "train", part: "train", row: 1, fileLine: 1 } as const;
  return {
    id,
    ...rest,
    personas: [{ facts: first.split("|") }, { facts: second.split("|") }],
    ...parseConversation(text),
    text,
  };
}

const pool = [
  conversation("train-1", "I bake bread.|I live in Wales.", "I keep bees.", "User 1: Bread?\nUser 2: Honey!"),
  conversation(
    "train-2",
    "I ride horses.",
    "My car is red.|I am a nurse.",
    "User 1: Neigh.\nUser 2: I drive to work.",
  ),
  conversation(
    "train-3",
    "I play chess.",
    "I grow roses.",
    "User 1: Check.\nUser 2: Bees love bread and roses, in Wales.",
  ),
];
const asked = conversation(
  "test-1",
  "I bake cakes and bread.",
  "I keep two bees.",
  "User 1: Cake?\nUser 2: Yes.",
);

test("retrieval answers with the conversation of the nearest personas", async () => {
  for (const retriever of ["tfidf", "bm25"] as const) {
    const [answer] = await retrievalBaseline(pool, { retriever }).generate([asked]);
    assert.equal(answer!.output, pool[0]!.text);
    assert.equal(answer!.retrieved![0]!.id, "train-1");
    assert.equal(answer!.input, personaText(asked));
  }
});

test("what is indexed and what is returned are options", async () => {
  const bread = conversation("test-2", "bread bees roses Wales", "love", "");
  const [byText] = await retrievalBaseline(pool, { indexed: "conversation" }).generate([bread]);
  assert.equal(byText!.output, pool[2]!.text);
  const [facts] = await retrievalBaseline(pool, { indexed: "conversation", returned: "personas" }).generate([
    bread,
  ]);
  assert.equal(facts!.output, "I play chess.\nI grow roses.");
});

test("a dialogue is never answered with itself", async () => {
  for (const variant of [retrievalBaseline(pool), randomBaseline(pool)]) {
    const answers = await variant.generate(pool);
    answers.forEach(({ output }, i) => assert.notEqual(output, pool[i]!.text));
  }
  await assert.rejects(async () => retrievalBaseline([asked]).generate([asked]), /test-1 itself/);
  await assert.rejects(async () => randomBaseline([asked]).generate([asked]), /test-1 itself/);
  assert.throws(() => retrievalBaseline([]), /needs dialogues/);
});

test("template says every fact, the reference is the conversation", async () => {
  const [template] = await templateBaseline().generate([pool[0]!]);
  assert.equal(template!.output, "I bake bread. I live in Wales.\nI keep bees.");
  assert.equal(personaCoverage(template!.output, factsOf(pool[0]!.personas)), 1);
  const [reference] = await referenceBaseline().generate([asked]);
  assert.equal(reference!.output, asked.text);
});

test("random answers follow the seed and reach the whole pool", async () => {
  const many = Array.from({ length: 60 }, () => asked);
  const outputs = async (seed: number) =>
    (await randomBaseline(pool, seed).generate(many)).map(({ output }) => output);
  assert.deepEqual(await outputs(1), await outputs(1));
  assert.notDeepEqual(await outputs(1), await outputs(2));
  assert.equal(new Set(await outputs(1)).size, 3);
});

test("a cut keeps the first words and the white space between them", async () => {
  assert.equal(cutToTokens("  one\n two  three ", 2), "  one\n two");
  assert.equal(cutToTokens("one two", 5), "one two");
  assert.equal(cutToTokens("one", 0), "");
  assert.equal(cutToTokens("", 3), "");
  assert.throws(() => cutToTokens("a", -1), /whole number/);
  const characters = {
    encode: (text: string) => [...text].map((c) => c.codePointAt(0)!),
    decode: (ids: number[]) => String.fromCodePoint(...ids),
  };
  assert.equal(cutToTokens("🙂bc", 2, characters), "🙂b");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, count) => {
      const cut = cutToTokens(text, count);
      assert.ok(text.startsWith(cut));
      const words = (s: string) => s.split(/\s+/).filter(Boolean);
      assert.deepEqual(words(cut), words(text).slice(0, count));
    }),
  );
  const short = cutVariant(referenceBaseline(), 3);
  assert.deepEqual(short.identity, {
    kind: "bound",
    family: "reference",
    seed: null,
    cut: { length: 3, unit: "words" },
    trained: null,
  });
  assert.equal(short.name, "reference, first 3 words");
  assert.equal((await short.generate([asked]))[0]!.output, "User 1: Cake?");
});
