import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generate } from "../../src/generation/generate";
import { generateTexts } from "../../src/generation/texts";
import { inputTokens } from "../../src/models/input-tokens";
import { loadTokenizer, padBatch } from "../../src/models/tokenizer/tokenizer";
import { writeTinyTokenizer } from "./tiny";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "./tiny-llama";

const [causal, seq2seq] = ["causal", "seq2seq"].map((name) => mkdtempSync(join(tmpdir(), `${name}-`)));
test.after(() => [causal!, seq2seq!].forEach((folder) => rmSync(folder, { recursive: true })));
writeTinyChatTokenizer(causal!);
writeTinyTokenizer(seq2seq!);

test("an encoder–decoder's input ends, a causal model's does not; both keep to the most tokens", async () => {
  const t5 = await loadTokenizer(seq2seq!);
  assert.deepEqual(inputTokens(t5, "SEQ_2_SEQ_LM", "I like dogs."), t5.encode("I like dogs."));
  assert.deepEqual(inputTokens(t5, "SEQ_2_SEQ_LM", "I like dogs.", 2).at(-1), t5.eosId);

  const llama = await loadTokenizer(causal!);
  const plain = llama.encode("Hi you", { addEos: false });
  const of = (textStart: number[], text: string, most?: number) =>
    inputTokens({ encode: llama.encode.bind(llama), textStart }, "CAUSAL_LM", text, most);
  assert.deepEqual(of([], "Hi you"), plain);
  assert.ok(!of([], "Hi you").includes(llama.eosId));
  assert.deepEqual(of([1], "Hi you"), [1, ...plain]);
  assert.deepEqual(of([1], "Hi you", 3), [1, ...plain.slice(0, 2)]);
  assert.deepEqual(of([1], ""), [1]);
  assert.throws(() => of([], ""), /an empty text gives a causal model nothing to go on from/);
});

test("texts are generated for from what their kind of model goes on from", async () => {
  const tokenizer = await loadTokenizer(causal!);
  const model = randomLlama(TINY_LLAMA, 3);
  const generator = await model.architecture.createGenerator(model);
  const options = { maxNewTokens: 6, stopTokenIds: [] };
  const texts = ["Hi you", "Who are you?", "I"];
  const found = await generateTexts(generator, tokenizer, texts, options);
  for (const [i, text] of texts.entries()) {
    const row = tokenizer.encode(text, { addEos: false });
    const [alone] = await generate(generator, padBatch([row], tokenizer.padId), options);
    assert.deepEqual(found[i]!.tokens, alone!.tokens, text);
  }
  await generator.dispose();
});
