import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EvaluatedVariant } from "../../src/evaluation/evaluate";
import type { EvaluationCase } from "../../src/evaluation/files";
import { scoreCase } from "../../src/evaluation/scores";
import { caseBundle, markWords, sideBySideBundle } from "../../src/evaluation/show";
import { simpleTokens, simpleTokenSpans } from "../../src/text/characters";

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
  assert.match(html, /content coverage 0\.\d\d, \d of \d facts said by their owners/);
  assert.match(html, /I keep <mark>bees<\/mark>\./);
  assert.match(html, /&#60;i&#62;tea&#60;\/i&#62;/);
  assert.ok(plain.includes(texts.output) && plain.includes(texts.reference));
});

test("variants' answers to the same conversations stand side by side", () => {
  const personas: [string[], string[]] = [["I keep bees."], ["I like tea."]];
  const variant = (name: string, output: string) => {
    const texts = { output, reference: "Bees & tea" };
    const metrics = scoreCase({ ...texts, personas });
    const one: EvaluationCase = { variant: name, id: "test-1", personas, input: "", ...texts, metrics };
    return { summary: { variant: name }, cases: [one] } as unknown as EvaluatedVariant;
  };
  const variants = [variant("before <1>", "hello"), variant("after", "my bees")];
  const { "text/html": html, "text/plain": plain } = sideBySideBundle(variants, ["test-1"]);
  const cells = [...html.matchAll(/<td[^>]*><div[^>]*>([^]*?)<\/div><\/td>/g)].map(([, text]) => text);
  assert.deepEqual(cells, [
    "<b>User 1</b>\nI keep <mark>bees</mark>.\n\n<b>User 2</b>\nI like tea.",
    "hello",
    "my <mark>bees</mark>",
    "<mark>Bees</mark> &#38; <mark>tea</mark>",
  ]);
  const headings = [...html.matchAll(/<th[^>]*>([^<]*)<\/th>/g)].map(([, text]) => text);
  assert.deepEqual(headings, ["personas", "before &#60;1&#62;", "after", "reference", "test-1"]);
  assert.match(plain, /--- before <1>\nhello\n--- after\nmy bees\n--- reference/);
  assert.throws(() => sideBySideBundle(variants, ["test-2"]), /before <1> has not answered test-2/);
});
