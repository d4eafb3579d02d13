import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnswerText, TokenText } from "../../src/chat/stream";
import { readGgufTokenizer } from "../../src/models/gguf/tokenizer";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { GgufMetadata } from "../../src/tensors/gguf/metadata";
import { byteLevelFields, list, text as textField, vocabularies } from "../models/gguf/tiny-gguf";

/** Tokens that are bytes, decoded as byte-level vocabularies are. */
const bytesAsTokens = (ids: readonly number[]) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids));

function streamed(tokens: readonly number[], decode: (ids: readonly number[]) => string): string[] {
  const stream = new TokenText(decode);
  return [...tokens.map((token) => stream.push(token)), stream.end()];
}

test("text that comes a byte at a time is given in whole characters", () => {
  const pieces = streamed([...Buffer.from("aé👩‍🚀b")], bytesAsTokens);
  assert.deepEqual(pieces.filter(Boolean), ["a", "é", "👩", "\u200d", "🚀", "b"]);
});

test("pieces joined are the text, wherever tokens cut it, and no piece but the last has half a character", () => {
  const anyText = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(anyText, (text) => {
      const pieces = streamed([...Buffer.from(text)], bytesAsTokens);
      assert.equal(pieces.join(""), Buffer.from(text).toString());
      for (const piece of pieces) assert.doesNotMatch(piece, /\p{Surrogate}/u);
      if (!text.includes("\ufffd")) assert.ok(pieces.every((piece) => !piece.includes("\ufffd")));
    }),
  );
});

test("bytes that are no character at all are told as what the tokenizer makes of them", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255)), (bytes) => {
      assert.equal(streamed(bytes, bytesAsTokens).join(""), bytesAsTokens(bytes));
    }),
  );
});

test("tokens of real vocabularies, byte-level and SentencePiece, give their text piece by piece", async () => {
  const { tokens, scores, types } = vocabularies.sentencePiece;
  const sentencePiece = {
    "tokenizer.ggml.model": textField("llama"),
    "tokenizer.ggml.tokens": list("string", tokens),
    "tokenizer.ggml.scores": list("float32", scores),
    "tokenizer.ggml.token_type": list("int32", types),
    "tokenizer.ggml.bos_token_id": { type: "uint32", value: 1 } as const,
    "tokenizer.ggml.eos_token_id": { type: "uint32", value: 2 } as const,
    "tokenizer.ggml.unknown_token_id": { type: "uint32", value: 0 } as const,
  };
  for (const fields of [byteLevelFields("smollm"), sentencePiece]) {
    const tokenizer = await loadTokenizer(
      readGgufTokenizer(new GgufMetadata("m.gguf", new Map(Object.entries(fields)))),
    );
    for (const text of [...vocabularies.texts, "čaj 👩‍🚀 いいえ  two", ""]) {
      const ids = tokenizer.encode(text); // with the token that ends it, which is no text
      const decode = (some: readonly number[]) => tokenizer.decode(some);
      assert.equal(streamed(ids, decode).join(""), tokenizer.decode(ids), JSON.stringify(text));
    }
  }
});

test("any tokens of the embedded model's vocabulary give their text piece by piece", async () => {
  const tokenizer = await loadTokenizer(embeddedTokenizer);
  const decode = (some: readonly number[]) => tokenizer.decode(some);
  fc.assert(
    fc.property(fc.array(fc.nat(tokenizer.vocabularySize - 1), { maxLength: 20 }), (ids) => {
      assert.equal(streamed(ids, decode).join(""), tokenizer.decode(ids));
    }),
  );
});

test("an answer has no white space around it and ends before a text that ends it", () => {
  const answer = new AnswerText(["User 1:", "User 2:"]);
  const pieces = ["  ", " Hi", " ", "there. ", " Us", "ual. Us", "er", " 1", ":", " no"].map((piece) =>
    answer.push(piece),
  );
  assert.deepEqual(pieces, ["", "Hi", "", " there.", "", "  Usual.", "", "", "", ""]);
  assert.equal(answer.ended, true);
  assert.equal(answer.end(), "");
});

test("however an answer is cut into pieces, it is what stands before the first stop, trimmed", () => {
  const words = fc.array(fc.constantFrom("a", " ", "\n", "U", "Us", "User 1", ":", "User 1:", "é"), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(words, words, (before, after) => {
      const answer = new AnswerText(["User 1:", "\nU"]);
      const pieces = [...before, ...after];
      const given = pieces.map((piece) => answer.push(piece)).join("") + answer.end();
      const places = ["User 1:", "\nU"]
        .map((stop) => pieces.join("").trimStart().indexOf(stop))
        .filter((at) => at >= 0);
      const all = pieces.join("").trimStart();
      assert.equal(given, all.slice(0, Math.min(...places, all.length)).trim());
      assert.equal(answer.ended, places.length > 0);
    }),
  );
});
