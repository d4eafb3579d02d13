import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  caseBundle,
  type EvaluationCase,
  markWords,
  scoreCase,
  simpleTokens,
  simpleTokenSpans,
} from "../../src";

test("words are marked where they stand, everything else is escaped", () => {
  assert.equal(
    markWords('My <b>dogs</b> & "Dogs", hotdogs', new Set(["dogs"])),
    "My &#60;b&#62;<mark>dogs</mark>&#60;/b&#62; &#38; &#34;<mark>Dogs</mark>&#34;, hotdogs",
  );
  assert.equal(markWords("Люблю 🙂!", new Set(["🙂"])), "Люблю <mark>🙂</mark>!");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const all = new Set(simpleTokenSpans(text).map(({ token }) => token));
      const html = markWords(text, all);
      const back = html
        .replace(/<\/?mark>/g, "")
        .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      assert.equal(back, text);
    }),
  );
});

test("token places agree with the tokens", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const spans = simpleTokenSpans(text);
      assert.deepEqual(
        spans.map(({ token }) => token),
        simpleTokens(text),
      );
      for (const { token, start, end } of spans) assert.equal(text.slice(start, end).toLowerCase(), token);
    }),
  );
});

test("a case shows its texts side by side, escaped", () => {
  const texts = { output: "<script>alert(1)</script> bees", reference: "I love bees & tea" };
  const personas: [string[], string[]] = [["I keep bees."], ["I like <i>tea</i>."]];
  const one: EvaluationCase = {
    variant: "a<b",
    id: "test-1",
    personas,
    input: "",
    ...texts,
    retrieved: [{ id: "train-7", score: 0.5 }],
    metrics: scoreCase({ ...texts, personas }),
  };
  const { "text/html": html, "text/plain": plain } = caseBundle([one]);
  assert.ok(!html.includes("<script>") && !html.includes("<i>"));
  assert.match(html, /&#60;script&#62;alert\(1\)&#60;\/script&#62; <mark>bees<\/mark>/);
  assert.match(html, /a&#60;b, from train-7, similarity 0\.50/);
  assert.match(html, /I keep <mark>bees<\/mark>\./);
  assert.match(html, /&#60;i&#62;tea&#60;\/i&#62;/);
  assert.ok(plain.includes(texts.output) && plain.includes(texts.reference));
});
