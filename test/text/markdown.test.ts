import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeMarkdown } from "../../src/text/markdown";

test("no text becomes a part of Markdown or HTML, or leaves its line", () => {
  assert.equal(escapeMarkdown("Käse, 3 (or 4)"), "Käse, 3 (or 4)");
  assert.equal(
    escapeMarkdown("a|b\n# <script>*x*</script> [y](z)\u202e"),
    "a&#124;b &#35; &#60;script&#62;&#42;x&#42;&#60;/script&#62; &#91;y&#93;(z)",
  );
  assert.equal(escapeMarkdown("`q_proj`\\"), "&#96;q&#95;proj&#96;&#92;");
});
