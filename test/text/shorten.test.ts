import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutPlace, shorten } from "../../src/text/shorten";

test("text is cut between what a reader takes for characters", () => {
  const family = "👨‍👩‍👧‍👦";
  const cases: [text: string, characters: number, short: string][] = [
    ["abc", 3, "abc"],
    ["abcd", 3, "ab…"],
    ["", 0, ""],
    ["abc", 1, "…"],
    [`a${family}b`, 3, `a${family}b`],
    [`a${family}bc`, 3, `a${family}…`],
    [`${family}${family}`, 1, "…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
    ["🇩🇪🇫🇷🇮🇹", 2, "🇩🇪…"],
    ["नमस्ते दुनिया", 2, "न…"],
    ["👍🏽👍🏽👍🏽", 2, "👍🏽…"],
  ];
  for (const [text, characters, short] of cases) assert.equal(shorten(text, characters), short);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, characters) => {
      const short = shorten(text, characters);
      assert.ok(short === text || (short.endsWith("…") && text.startsWith(short.slice(0, -1))));
      assert.equal(Buffer.from(short).toString(), short);
    }),
  );
});

test("a place to cut is never inside a character's two halves", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((end) => cutPlace("a👍b", end)),
    [0, 1, 1, 3, 4],
  );
  assert.equal(cutPlace("a\ud83d", 2), 2);
});
