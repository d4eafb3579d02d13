import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wellFormedJson } from "../../src/text/well-formed";

test("a half of a character becomes U+FFFD, in values and keys; whole ones and what looks like an escape stay", () => {
  assert.equal(wellFormedJson({ "a\ud83d": ["x\udc4dy", "\ud83d\udc4d"] }), '{"a\ufffd":["x\ufffdy","👍"]}');
  assert.equal(wellFormedJson("\\ud83d\n\\\ud83d"), '"\\\\ud83d\\n\\\\\ufffd"');
  assert.equal(wellFormedJson([1], 2), "[\n  1\n]");
});

test("read again, it is the value with each string's lone halves replaced, and UTF-8 loses nothing of it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) })),
      (texts) => {
        const json = wellFormedJson(texts);
        const whole = texts.map((text) => Buffer.from(text).toString());
        assert.deepEqual(JSON.parse(json), whole);
        assert.equal(Buffer.from(json).toString(), json);
      },
    ),
    { examples: [[["\ud800", "\udfff\ud800\\", "\\\\ud8"]]] },
  );
});
