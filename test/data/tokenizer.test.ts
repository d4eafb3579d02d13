import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { embeddedTokenizer, findTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { buildPrompt, promptTags, taskPrefix } from "../../src/prompts/prompt";

test("ids as T5 orders them", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  assert.equal(tokenizer.vocabularySize, 8000);
  assert.deepEqual([tokenizer.padId, tokenizer.eosId, tokenizer.unknownId], [0, 1, 2]);
  assert.deepEqual([tokenizer.token(7999), tokenizer.token(7900)], ["<extra_id_0>", "<extra_id_99>"]);
});

test("a long text in pieces has the ids of its words, one after another", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const words = ["Hi!", "I'm", "Zoë,", "Łódź", "42", "(no)", "日本", "🐕", "User", "1:", "unbelievably..."];
  const many = Array.from({ length: 20_000 }, (_, i) => words[(i * 7 + (i >> 3)) % words.length]!);
  const known = new Map(words.map((word) => [word, tokenizer.encode(word, { addEos: false })]));
  assert.ok(many.join(" ").length > 100_000);
  assert.deepEqual(
    tokenizer.encode(many.join(" "), { addEos: false }),
    many.flatMap((word) => known.get(word)!),
  );
});

test("the pieces that SentencePiece's spm_encode gives with the same model", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const expected = {
    "User 1: Hi! I'm Mara, and I teach physics.":
      "▁User ▁1: ▁Hi ! ▁I ' m ▁Mar a , ▁and ▁I ▁teach ▁p h y s ic s .",
    "User 2: That's cool! What do you like about it?":
      "▁User ▁2: ▁That ' s ▁cool ! ▁What ▁do ▁you ▁like ▁about ▁it ?",
    "I have 2 dogs, named Zoë and Åke.": "▁I ▁have ▁2 ▁dogs , ▁named ▁Z o ë ▁and ▁ Å ke .",
    "I was born in 1987, near Lake Michigan.": "▁I ▁was ▁born ▁in ▁19 8 7 , ▁near ▁Lake ▁Michigan .",
    "Unbelievably picturesque!": "▁U n b el ie v a b ly ▁pictures que !",
  };
  for (const [text, pieces] of Object.entries(expected)) {
    const ids = tokenizer.encode(text, { addEos: false });
    assert.equal(ids.map((id) => tokenizer.token(id)).join(" "), pieces);
  }
});

test("text comes back, its white space as single spaces", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const letters = fc.stringMatching(/^[ -~\n\tÀ-ÖØ-öø-ÿ]{0,60}$/).filter((text) => !/<|persona-dialogue:/.test(text));
  fc.assert(
    fc.property(letters, (text) => {
      const plain = text.replace(/\s+/g, " ").trim();
      assert.equal(tokenizer.decode(tokenizer.encode(text)), plain);
    }),
  );
  assert.equal(tokenizer.decode(tokenizer.encode("ﬁne…")), "fine...");
  assert.ok(tokenizer.encode("🐕").includes(tokenizer.unknownId!));
});

test("a prompt's tags and the sentinels are single tokens that take the spaces beside them along", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const { text } = buildPrompt({ personas: [{ facts: ["I bake."] }, { facts: ["I run."] }] }, { snippets: ["Hi!"] });
  const tokens = tokenizer.encode(text).map((id) => tokenizer.token(id));
  assert.deepEqual(
    tokens.filter((token) => !token!.startsWith("▁") && token!.length > 2),
    [taskPrefix, promptTags.user, promptTags.system, promptTags.knowledge, "</s>"],
  );
  assert.ok(!tokens.includes("▁"), tokens.join(" "));
  assert.deepEqual(tokenizer.encode("a <extra_id_1> b", { addEos: false }).map((id) => tokenizer.token(id)), [
    "▁a",
    "<extra_id_1>",
    "▁b",
  ]);
});

test("the profile chooses the tokenizer, and a named folder comes first", async () => {
  const { tokenizer, why } = await findTokenizer();
  assert.equal(tokenizer.vocabularySize, 8000);
  assert.match(why, /quick profile/);
  await assert.rejects(findTokenizer({ directory: "nowhere" }), /nowhere.tokenizer\.json: no such file/);
});
