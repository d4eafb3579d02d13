import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { visible } from "../../src/text/visible";

test("control characters are shown, not executed", () => {
  assert.equal(visible("a\u001b[2Jb\rc\u0007\u007f\u009b31m"), "a␛[2Jb␍c␇␡\\u009b31m");
  assert.equal(visible("\u202eevil\u2066"), "\\u202eevil\\u2066");
  assert.equal(visible("two\nlines\tčaj 👩‍🚀 שלום"), "two\nlines\tčaj 👩‍🚀 שלום");
});

test("whatever comes, no control character but tab and line feed is left, and nothing else is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visible(text);
      assert.doesNotMatch(shown, /(?![\n\t])\p{Cc}/u);
      assert.ok(
        [...text]
          .filter((one) => !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(one))
          .every((one) => shown.includes(one)),
      );
    }),
  );
});
