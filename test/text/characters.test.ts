import assert from "node:assert/strict";
import { test } from "node:test";
import { foldSpace, splitAtSpace, trimEnd, wordTokens } from "../../src/text/characters";

// Expected values by Python 3.11: str.split, str.rstrip, re.sub(r"\s\s+", " ", …), re.findall(r"(?u)\b\w\w+\b", …).
test("white space is Python's", () => {
  assert.deepEqual(splitAtSpace(" a\x1cb\x85c\u2028d\u00a0e\ufefff\u200bg \n"), [
    "a",
    "b",
    "c",
    "d",
    "e\ufefff\u200bg",
  ]);
  assert.deepEqual(splitAtSpace(""), []);
  assert.equal(trimEnd("a \x1f\u3000\n"), "a");
  assert.equal(trimEnd("a\ufeff"), "a\ufeff");
  assert.equal(foldSpace("a \n b\tc\r\nd\x85"), "a b\tc d\x85");
});

test("words are Python's: letters, numbers and underscores of any script, marks separate", () => {
  assert.deepEqual(wordTokens("I am x1 _a ½½ don't naïve"), ["am", "x1", "_a", "½½", "don", "naïve"]);
  assert.deepEqual(wordTokens("हिन्दी 你好 𝒳𝒴 🙂🙂 e\u0301a"), ["你好", "𝒳𝒴"]);
});
