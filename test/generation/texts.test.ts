import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../../src/generation/generate";
import { generateTexts } from "../../src/generation/texts";
import { loadTokenizer, padBatch } from "../../src/models/tokenizer/tokenizer";
import { writeTinyTokenizer } from "../models/tiny";
import { ToyModel } from "./toy";

const folder = mkdtempSync(join(tmpdir(), "texts-"));
test.after(() => rmSync(folder, { recursive: true }));

test("each text gets what it would get alone, in order, whatever the batches", async () => {
  writeTinyTokenizer(folder);
  const tokenizer = await loadTokenizer(folder);
  const texts = ["I like dogs.", "I", "dogs like dogs. I like I", "", "like", "I like"];
  const model = new ToyModel(9, 3, 0.5);
  const options = { maxNewTokens: 7, doSample: true, seed: 5, numReturnSequences: 2 };
  const progress: number[] = [];
  const found = await generateTexts(model, tokenizer, texts, {
    ...options,
    batchSize: 4,
    onProgress: ({ done }) => progress.push(done),
  });
  assert.deepEqual(progress, [4, 6]);
  for (const [input, text] of texts.entries()) {
    const alone = await generate(model, padBatch([tokenizer.encode(text)], 0), options, [input]);
    assert.deepEqual(
      found.filter((result) => result.input === input),
      alone.map(({ tokens }) => ({ input, tokens, text: tokenizer.decode(tokens) })),
    );
  }
  assert.deepEqual(
    found.map(({ input }) => input),
    texts.flatMap((_, input) => [input, input]),
  );
});

test("a long text is cut, and no texts give none", async () => {
  const tokenizer = await loadTokenizer(folder);
  const model = new ToyModel(9, 3);
  const cut = await generateTexts(model, tokenizer, ["I like dogs."], { maxNewTokens: 5, maxInputTokens: 3 });
  const short = await generate(model, padBatch([[4, 5, 1]], 0), { maxNewTokens: 5 });
  assert.deepEqual(cut[0]!.tokens, short[0]!.tokens);
  assert.deepEqual(await generateTexts(model, tokenizer, [], { maxNewTokens: 5 }), []);
});
