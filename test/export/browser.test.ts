import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportTransformersJs } from "../../src/export/transformers-js";
import { BrowserMissingError } from "../../src/figures/browser";
import { generate } from "../../src/generation/generate";
import { int32Tensor } from "../../src/tensors/tensor";
import { randomT5, TINY, writeTinyTokenizer } from "../models/tiny";
import { randomLlama, TINY_LLAMA, writeTinyChatTokenizer } from "../models/tiny-llama";
import { BrowserPage } from "./browser";

const root = mkdtempSync(join(tmpdir(), "export-browser-"));
test.after(() => rmSync(root, { recursive: true }));

const batch = {
  inputIds: int32Tensor([2, 4], Int32Array.of(2, 2, 5, 6, 7, 8, 9, 10)),
  attentionMask: int32Tensor([2, 4], Int32Array.of(0, 0, 1, 1, 1, 1, 1, 1)),
  lengths: [2, 4],
};
const inputs = `{
  input_ids: new transformers.Tensor("int64", BigInt64Array.from([${batch.inputIds.data.join()}], BigInt), [2, 4]),
  attention_mask: new transformers.Tensor("int64", BigInt64Array.from([${batch.attentionMask.data.join()}], BigInt), [2, 4]),
}`;
const load = (name: string, dtype: string, kind = "CausalLM") =>
  `const model = await transformers.AutoModelFor${kind}.from_pretrained("${name}", { dtype: "${dtype}", device: "wasm" });`;

/** The end of the last position's logits of each row, in Node. */
async function logitsInNode(name: string, dtype: string): Promise<number[][]> {
  const packageName: string = "@huggingface/transformers";
  const transformers = (await import(packageName)) as {
    AutoModelForCausalLM: { from_pretrained(path: string, options: object): Promise<unknown> };
    Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object;
  };
  type Logits = { logits: { tolist(): number[][][] } };
  const model = (await transformers.AutoModelForCausalLM.from_pretrained(join(root, name), {
    dtype,
    local_files_only: true,
  })) as ((inputs: object) => Promise<Logits>) & { dispose(): Promise<void> };
  const int64 = (data: Int32Array) =>
    new transformers.Tensor("int64", BigInt64Array.from(data, BigInt), [2, 4]);
  const { logits } = await model({
    input_ids: int64(batch.inputIds.data),
    attention_mask: int64(batch.attentionMask.data),
  });
  await model.dispose();
  return logits.tolist().map((row) => row.at(-1)!);
}

test("Chromium runs what is exported: a Llama's answers, its 8 and 4 bits, and a T5", async (t) => {
  const [tokenizer, t5Tokenizer] = [join(root, "tokenizer"), join(root, "t5-tokenizer")];
  mkdirSync(tokenizer);
  mkdirSync(t5Tokenizer);
  writeTinyChatTokenizer(tokenizer);
  writeTinyTokenizer(t5Tokenizer);
  const model = randomLlama(TINY_LLAMA, 8);
  exportTransformersJs(join(root, "llama"), model, { tokenizerFrom: tokenizer });
  const t5 = randomT5(TINY, 4);
  exportTransformersJs(join(root, "t5"), t5, { tokenizerFrom: t5Tokenizer });
  let page: BrowserPage;
  try {
    page = await BrowserPage.open(root);
  } catch (error) {
    if (error instanceof BrowserMissingError) return t.skip(error.message);
    throw error;
  }
  try {
    const answers = await page.run(`${load("llama", "fp32")}
      const ids = await model.generate({ ...${inputs}, max_new_tokens: 30, eos_token_id: [100000] });
      return ids.tolist().map((row) => row.slice(4).map(Number));`);
    const generator = await model.architecture.createGenerator(model);
    const ours = await generate(generator, batch, { maxNewTokens: 30, stopTokenIds: [] });
    await generator.dispose();
    assert.deepEqual(
      answers,
      ours.map(({ tokens }) => tokens),
    );
    for (const dtype of ["q8", "q4"]) {
      const found = (await page.run(`${load("llama", dtype)}
        const { logits } = await model(${inputs});
        return logits.tolist().map((row) => row.at(-1));`)) as number[][];
      const expected = (await logitsInNode("llama", dtype)).flat();
      const difference = Math.hypot(...found.flat().map((value, i) => value - expected[i]!));
      // Node rounds activations to 8 bits, a browser need not.
      assert.ok(
        difference < 0.03 * Math.hypot(...expected),
        `${dtype}: ${difference} of ${Math.hypot(...expected)}`,
      );
    }
    const text = (await page.run(`${load("t5", "q4", "Seq2SeqLM")}
      const ids = await model.generate({ ...${inputs}, max_new_tokens: 5 });
      return ids.tolist().map((row) => row.length);`)) as number[];
    assert.ok(text.every((length) => length > 1));
  } finally {
    page.close();
  }
});
