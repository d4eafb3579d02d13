import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { writeTinyTokenizer } from "../tiny";
import { loadTokenizer, padBatch, type Tokenizer } from "../../../src/models/tokenizer/tokenizer";

const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
test.after(() => rmSync(folder, { recursive: true }));

async function tinyTokenizer(): Promise<Tokenizer> {
  writeTinyTokenizer(folder);
  return loadTokenizer(folder);
}

test("text becomes ids that end with the end of the sequence, and text again", async () => {
  const tokenizer = await tinyTokenizer();
  assert.equal(tokenizer.vocabularySize, 9);
  assert.deepEqual([tokenizer.padId, tokenizer.eosId, tokenizer.unknownId], [0, 1, 2]);
  assert.deepEqual(tokenizer.encode("I like dogs."), [4, 5, 6, 8, 1]);
  assert.deepEqual(tokenizer.encode("I like dogs.", { addEos: false }), [4, 5, 6, 8]);
  assert.equal(tokenizer.decode([4, 5, 6, 8, 1, 0, 0]), "I like dogs.");
  assert.equal(tokenizer.decode([4, 1], { skipSpecialTokens: false }), "I</s>");
  assert.equal(tokenizer.decode([4, 5000, 5, -1]), "I like");
  assert.deepEqual([tokenizer.token(5), tokenizer.token(9)], ["▁like", undefined]);
});

test("a text that is cut keeps its end of sequence", async () => {
  const tokenizer = await tinyTokenizer();
  assert.deepEqual(tokenizer.encode("I like dogs.", { maxLength: 3 }), [4, 5, 1]);
  assert.deepEqual(tokenizer.encode("I like dogs.", { maxLength: 3, addEos: false }), [4, 5, 6]);
  assert.deepEqual(tokenizer.encode("I like dogs.", { maxLength: 1 }), [1]);
  assert.throws(() => tokenizer.encode("I", { maxLength: 0 }), /maxLength must be at least 1, not 0/);
});

test("a text of 130,000 tokens is encoded in pieces, as if it were whole", async () => {
  const tokenizer = await tinyTokenizer();
  const words = ["I", "like", "dogs", "I"];
  const many = Array.from({ length: 130_000 }, (_, i) => words[(i * 7 + (i >> 2)) % 4]!);
  const text = many.join(" ");
  const ids = tokenizer.encode(text);
  const known = new Map(words.map((word) => [word, tokenizer.encode(word, { addEos: false })]));
  assert.deepEqual(ids, [...many.flatMap((word) => known.get(word)!), 1]);
  assert.deepEqual(tokenizer.encode(text, { maxLength: 5 }), [...ids.slice(0, 4), 1]);
  assert.deepEqual(tokenizer.encode(text, { maxLength: 129_000, addEos: false }), ids.slice(0, 129_000));
  assert.throws(
    () => tokenizer.encode("dogs".repeat(200_000)),
    /a text of 800000 characters without a space/,
  );
});

test("a batch is padded on the right to its longest row or to the length asked for", async () => {
  const tokenizer = await tinyTokenizer();
  const batch = tokenizer.encodeBatch(["I like", "I", ""]);
  assert.deepEqual(batch.inputIds.shape, [3, 3]);
  assert.deepEqual([...batch.inputIds.data], [4, 5, 1, 4, 1, 0, 1, 0, 0]);
  assert.deepEqual([...batch.attentionMask.data], [1, 1, 1, 1, 1, 0, 1, 0, 0]);
  assert.deepEqual(batch.lengths, [3, 2, 1]);
  assert.deepEqual(tokenizer.encodeBatch(["I"], { padTo: 4 }).inputIds.shape, [1, 4]);
  assert.throws(() => tokenizer.encodeBatch(["I like"], { padTo: 2 }), /3 tokens does not fit padTo 2/);
});

test("rows of a padded batch are the rows given", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(99), { maxLength: 7 }), { maxLength: 5 }), (rows) => {
      const { inputIds, attentionMask, lengths } = padBatch(rows, 77);
      const width = inputIds.shape[1]!;
      rows.forEach((row, i) => {
        const all = [...inputIds.data.subarray(i * width, (i + 1) * width)];
        assert.deepEqual(all.slice(0, lengths[i]), row);
        assert.ok(all.slice(row.length).every((id) => id === 77));
        assert.equal(
          attentionMask.data.subarray(i * width, (i + 1) * width).reduce((a, b) => a + b, 0),
          row.length,
        );
      });
    }),
  );
});

test("a missing or malformed tokenizer file is named", async () => {
  const bad = join(folder, "bad");
  await assert.rejects(loadTokenizer(bad), /bad\/tokenizer\.json: no such file/);
  cpSync(join(folder, "tokenizer_config.json"), join(bad, "tokenizer_config.json"));
  writeFileSync(join(bad, "tokenizer.json"), "{");
  await assert.rejects(loadTokenizer(bad), /bad\/tokenizer\.json: not valid JSON/);
  writeFileSync(join(bad, "tokenizer.json"), "{}");
  await assert.rejects(loadTokenizer(bad), /bad\/tokenizer\.json: not a tokenizer file/);
  writeFileSync(join(bad, "tokenizer.json"), '{"model": {"type": "None"}}');
  await assert.rejects(loadTokenizer(bad), /bad: the tokenizer does not load/);
});

const flan = "../shared/data/flan-t5-small";
test("FLAN-T5's tokenizer", { skip: existsSync(flan) ? false : `${flan} is missing` }, async () => {
  const tokenizer = await loadTokenizer(flan);
  assert.equal(tokenizer.vocabularySize, 32100);
  assert.deepEqual(
    tokenizer.encode("Hello, I love dogs.").map((id) => tokenizer.token(id)),
    ["▁Hello", ",", "▁I", "▁love", "▁dogs", ".", "</s>"],
  );
  const text = "User 1: I'm a nurse — and you?";
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  assert.equal(tokenizer.decode([32110, 27]), "I");
});
