import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readGgufTokenizer } from "../../../src/models/gguf/tokenizer";
import { tokenizerMetadata } from "../../../src/models/gguf/tokenizer-metadata";
import { loadTokenizer } from "../../../src/models/tokenizer/tokenizer";
import { GgufMetadata } from "../../../src/tensors/gguf/metadata";
import { bool, byteLevelFields, list, type Metadata, text, u32, vocabularies } from "./tiny-gguf";

const read = (fields: Metadata) =>
  readGgufTokenizer(new GgufMetadata("m.gguf", new Map(Object.entries(fields))));
const { texts, byteLevel, sentencePiece } = vocabularies;

const sentencePieceFields = (): Metadata => ({
  "tokenizer.ggml.model": text("llama"),
  "tokenizer.ggml.pre": text("default"),
  "tokenizer.ggml.tokens": list("string", sentencePiece.tokens),
  "tokenizer.ggml.token_type": list("int32", sentencePiece.types),
  "tokenizer.ggml.scores": list("float32", sentencePiece.scores),
  "tokenizer.ggml.bos_token_id": u32(1),
  "tokenizer.ggml.eos_token_id": u32(2),
  "tokenizer.ggml.unknown_token_id": u32(0),
});

for (const pre of Object.keys(byteLevel)) {
  test(`a byte-level vocabulary split as ${pre} gives the reference's ids, read, and written and read again`, async () => {
    const files = read(byteLevelFields(pre));
    const again = read(
      Object.fromEntries(tokenizerMetadata("out.gguf", files, byteLevel[pre]!.tokens.length, [2])),
    );
    assert.deepEqual(again.tokenizer, files.tokenizer);
    assert.deepEqual(again.config, files.config);
    const tokenizer = await loadTokenizer(files);
    texts.forEach((line, i) =>
      assert.deepEqual(
        tokenizer.encode(line, { addEos: false }),
        byteLevel[pre]!.ids[i],
        JSON.stringify(line),
      ),
    );
    assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.padId, tokenizer.unknownId], [1, 2, 2, 0]);
    assert.equal(tokenizer.directory, "m.gguf");
    const line = "I'm 42 é you?";
    assert.equal(tokenizer.decode(tokenizer.encode(line)), line);
  });
}

test("a SentencePiece vocabulary gives sentencepiece's ids, read, and written and read again", async () => {
  const files = read(sentencePieceFields());
  const again = read(
    Object.fromEntries(tokenizerMetadata("out.gguf", files, sentencePiece.tokens.length, [2])),
  );
  for (const each of [files, again]) {
    const tokenizer = await loadTokenizer(each);
    texts.forEach((line, i) =>
      assert.deepEqual(tokenizer.encode(line, { addEos: false }), sentencePiece.ids[i], JSON.stringify(line)),
    );
    const line = "Hello there, 日本 ñ!";
    assert.equal(tokenizer.decode(tokenizer.encode(line)), line);
  }
  const begins = (fields: Metadata) => JSON.stringify(read(fields).tokenizer["post_processor"]);
  assert.match(begins(sentencePieceFields()), /"SpecialToken":\{"id":"<s>"/);
  assert.equal(begins({ ...sentencePieceFields(), "tokenizer.ggml.add_bos_token": bool(false) }), "null");
  const plain = await loadTokenizer(
    read({ ...sentencePieceFields(), "tokenizer.ggml.add_space_prefix": bool(false) }),
  );
  assert.notDeepEqual(plain.encode("the"), (await loadTokenizer(files)).encode("the"));
  assert.equal(plain.decode(plain.encode("the")), "the");
});

test("characters that a vocabulary cannot write are told", async () => {
  const tokenizer = await loadTokenizer(read(byteLevelFields("smollm")));
  assert.deepEqual(tokenizer.charactersLostIn("a\x04b\u{40001}ñé\x06\x04"), ["\x04", "\u{40001}", "\x06"]);
  assert.equal(tokenizer.decode(tokenizer.encode("a\x04bé")), "abé");
  const spelled = await loadTokenizer(read(sentencePieceFields()));
  assert.deepEqual(spelled.charactersLostIn("\x04\u{40001}"), []);
});

test("unused tokens are left out, and rows without a token are filled up with such", () => {
  const fields = byteLevelFields("smollm");
  const { tokens } = byteLevel["smollm"]!;
  const written = Object.fromEntries(tokenizerMetadata("out.gguf", read(fields), tokens.length + 3, [2, 0]));
  assert.equal(written["tokenizer.ggml.tokens"]!.value["length" as never], tokens.length + 3);
  assert.deepEqual(written["tokenizer.ggml.eot_token_id"], u32(0));
  assert.deepEqual(read(written).tokenizer, read(fields).tokenizer);
  assert.throws(
    () => tokenizerMetadata("out.gguf", read(fields), 5, [2]),
    /out\.gguf: the tokenizer of m\.gguf cannot be written as GGUF: token \d+ has no row/,
  );
});

test("a tokenizer.json that the file brings is taken as it is", () => {
  const whole = { model: { type: "BPE", vocab: {}, merges: [] } };
  const fields = { ...byteLevelFields("smollm"), "tokenizer.huggingface.json": text(JSON.stringify(whole)) };
  assert.deepEqual(read(fields).tokenizer, whole);
  assert.throws(
    () => read({ ...fields, "tokenizer.huggingface.json": text("{") }),
    /m\.gguf: tokenizer\.huggingface\.json is not valid JSON/,
  );
});

test("what is missing, not known or does not fit is refused with the name of the field", () => {
  const fields = byteLevelFields("smollm");
  const without = (name: string) =>
    Object.fromEntries(Object.entries(fields).filter(([key]) => key !== `tokenizer.ggml.${name}`));
  const having = (name: string, value: Metadata[string]) => ({
    ...fields,
    [`tokenizer.ggml.${name}`]: value,
  });
  const count = byteLevel["smollm"]!.tokens.length;
  const refused: [Metadata, RegExp][] = [
    [having("pre", text("tekken")), /m\.gguf: tokenizer\.ggml\.pre "tekken" is not known.*known are gpt-2, smollm, llama-bpe, qwen2.*tokenizer\.json/],
    [having("pre", text("default")), /tokenizer\.ggml\.pre "default" is not known/],
    [having("pre", text("__proto__")), /tokenizer\.ggml\.pre "__proto__" is not known/],
    [without("pre"), /tokenizer\.ggml\.pre is missing, and without it texts may get other tokens/],
    [having("model", text("bert")), /tokenizer\.ggml\.model "bert" is not supported, only "gpt2" and "llama"/],
    [without("model"), /tokenizer\.ggml\.model is missing/],
    [without("tokens"), /tokenizer\.ggml\.tokens is missing/],
    [without("token_type"), /tokenizer\.ggml\.token_type is missing/],
    [without("merges"), /tokenizer\.ggml\.merges is missing/],
    [having("tokens", text("a")), /tokenizer\.ggml\.tokens is string "a", where a list of texts is needed/],
    [having("token_type", list("int32", [1])), new RegExp(`token_type has 1 entries for ${count} tokens`)],
    [having("token_type", list("int32", new Array(count).fill(9))), /token_type of token 0 is 9, which is unknown/],
    [having("tokens", list("string", new Array(count).fill("same"))), /tokens: 0 and 1 are both "same"/],
    [having("merges", list("string", ["a b", "ab"])), /merges: entry 1, "ab", is not two tokens/],
    [having("bos_token_id", u32(count)), new RegExp(`bos_token_id is ${count}, but there are ${count} tokens`)],
    [{ ...sentencePieceFields(), "tokenizer.ggml.scores": list("float32", [1]) }, /scores has 1 entries/],
  ]; // prettier-ignore
  for (const [metadata, message] of refused) assert.throws(() => read(metadata), message);
});

test("a tokenizer for which llama.cpp has no word is not written", () => {
  const files = read(byteLevelFields("smollm"));
  const write = (change: object) =>
    tokenizerMetadata("out.gguf", { ...files, tokenizer: { ...files.tokenizer, ...change } }, 420, [2]);
  const lower = { normalizer: { type: "Lowercase" } };
  assert.throws(
    () => write(lower),
    /normalizer and pre_tokenizer are not those of a name that is known \(gpt-2, smollm/,
  );
  assert.throws(() => write({ model: { type: "Unigram" } }), /its model is "Unigram", not BPE/);
});

test("whatever a field holds, a tokenizer is read or refused with an Error that names the file", () => {
  const fields = byteLevelFields("smollm");
  const value = fc.oneof(
    fc.constant(u32(7)),
    fc.constant(bool(true)),
    fc.string().map(text),
    fc.array(fc.string(), { maxLength: 3 }).map((strings) => list("string", strings)),
    fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 3 }).map((numbers) => list("int32", numbers)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(fields)), value, (key, changed) => {
      try {
        read({ ...fields, [key]: changed });
      } catch (error) {
        assert.match((error as Error).message, /^m\.gguf: tokenizer\./);
      }
    }),
    { numRuns: 300 },
  );
});
