import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportTransformersJs } from "../../src/export/transformers-js";
import { generate } from "../../src/generation/generate";
import { T5Generator } from "../../src/models/t5/generator";
import { padBatch } from "../../src/models/tokenizer/tokenizer";
import { randomT5, TINY, writeTinyTokenizer } from "../models/tiny";

const root = mkdtempSync(join(tmpdir(), "export-"));
test.after(() => rmSync(root, { recursive: true }));

/** The part of @huggingface/transformers that the tests use. */
interface Transformers {
  AutoModelForSeq2SeqLM: {
    from_pretrained(path: string, options: { local_files_only: true; dtype: string }): Promise<Model>;
  };
  AutoTokenizer: { from_pretrained(path: string, options: { local_files_only: true }): Promise<unknown> };
  Tensor: new (type: "int64", data: BigInt64Array, dims: number[]) => object;
}
interface Model {
  generate(options: object): Promise<{ tolist(): bigint[][] }>;
  dispose(): Promise<unknown>;
}

const load = async () => {
  const name: string = "@huggingface/transformers";
  return (await import(name)) as Transformers;
};

const rows = [
  [3, 4, 5, 6, 7, 8, 9, 1],
  [10, 11, 1],
  [12, 13, 14, 15, 16, 1],
];

for (const tieWordEmbeddings of [false, true]) {
  for (const [dtype, weights] of [
    ["fp32", "float32"],
    ["q8", "int8"],
  ] as const) {
    test(`Transformers.js generates the same ids (${dtype}, ${tieWordEmbeddings ? "tied" : "untied"})`, async () => {
      const model = randomT5({ ...TINY, tieWordEmbeddings }, 4);
      writeTinyTokenizer(root);
      const directory = join(root, `${dtype}-${tieWordEmbeddings}`);
      exportTransformersJs(directory, model, { tokenizerFrom: root });

      const batch = padBatch(rows, 0);
      const generator = await T5Generator.create(model, { weights });
      const ours = await generate(generator, batch, { maxNewTokens: 40 });
      await generator.dispose();

      const { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor } = await load();
      await AutoTokenizer.from_pretrained(directory, { local_files_only: true });
      const theirs = await AutoModelForSeq2SeqLM.from_pretrained(directory, {
        local_files_only: true,
        dtype,
      });
      const int64 = ({ shape, data }: typeof batch.inputIds) =>
        new Tensor("int64", BigInt64Array.from(data, BigInt), [...shape]);
      const output = await theirs.generate({
        inputs: int64(batch.inputIds),
        attention_mask: int64(batch.attentionMask),
        max_new_tokens: 40,
      });
      await theirs.dispose();
      // Transformers.js lets ended rows of a batch run on, so what follows the end of a row is left out.
      const untilEnd = (row: bigint[]) => {
        const tokens = row.slice(1).map(Number);
        return tokens.includes(1) ? tokens.slice(0, tokens.indexOf(1) + 1) : tokens;
      };
      assert.deepEqual(
        output.tolist().map(untilEnd),
        ours.map(({ tokens }) => tokens),
      );
      const longest = Math.max(...ours.map(({ tokens }) => tokens.length));
      assert.ok(longest > 20, `sequences of at most ${longest} tokens try too little`);
    });
  }
}
