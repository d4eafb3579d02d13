import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import {
  bitsPerByte,
  perplexity,
  type PerplexityOptions,
  scoredWindows,
} from "../../src/evaluation/perplexity";
import { findPart } from "../../src/corpus/spc/load";
import { readPart } from "../../src/corpus/spc/read";
import { sha256 } from "../../src/io/files";
import type { Model } from "../../src/models/architecture";
import { openModelDirectory } from "../../src/models/pretrained/read";
import { loadTokenizer } from "../../src/models/tokenizer/tokenizer";
import { float32Tensor } from "../../src/tensors/tensor";
import { testEveryLlama } from "../models/llama-fixtures";
import { randomT5, TINY } from "../models/tiny";

interface Weighted {
  readonly mean_nll: number;
  readonly perplexity: number;
  readonly tokens: number;
}

interface PerplexityFile {
  readonly input_ids: number[];
  readonly max_length: number;
  readonly stride: number;
  readonly windows: {
    readonly begin: number;
    readonly end: number;
    readonly target_tokens: number;
    readonly scored_tokens: number;
    readonly mean_nll: number;
  }[];
  readonly guide: Weighted;
  readonly token_weighted: Weighted;
}

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual / expected - 1) < 2e-5, `${what}: ${actual}, expected ${expected}`);

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

testEveryLlama(
  "perplexity and its windows are transformers', in both weightings",
  ["perplexity.json", "model.safetensors"],
  () => ["perplexity"],
  async (fixture) => {
    const file = fixture.read<PerplexityFile>("perplexity.json");
    const model = fixture.model();
    const options: PerplexityOptions = { window: file.max_length, stride: file.stride };
    const windows = await all(scoredWindows(model, file.input_ids, options));
    assert.deepEqual(
      windows.map(({ begin, end, newTokens, scored }) => [begin, end, newTokens, scored]),
      file.windows.map((one) => [one.begin, one.end, one.target_tokens, one.scored_tokens]),
    );
    windows.forEach(({ nats, scored }, i) => near(nats / scored, file.windows[i]!.mean_nll, `window ${i}`));
    for (const [weighting, expected] of [
      ["tokens", file.token_weighted],
      ["guide", file.guide],
    ] as const) {
      const found = await perplexity(model, file.input_ids, { ...options, weighting });
      near(found.loss, expected.mean_nll, `mean, ${weighting}`);
      near(found.perplexity / expected.perplexity, 1, `perplexity, ${weighting}`);
      assert.equal(found.tokens, file.input_ids.length - 1);
    }
  },
);

testEveryLlama(
  "every token but the first is scored once, whatever the window and the stride",
  ["perplexity.json", "model.safetensors"],
  () => ["windows"],
  async (fixture) => {
    const { input_ids } = fixture.read<PerplexityFile>("perplexity.json");
    const model = fixture.model();
    const tokens = input_ids.slice(0, 11);
    for (const [window, stride] of [
      [11, 11],
      [64, undefined],
      [4, 4],
      [4, 1],
      [5, 3],
      [2, 1],
      [3, 2],
    ] as const) {
      const windows = await all(scoredWindows(model, tokens, { window, stride }));
      assert.equal(windows.at(-1)!.end, tokens.length);
      assert.equal(
        windows.reduce((sum, { newTokens }) => sum + newTokens, 0),
        tokens.length,
      );
      // Windows that share nothing cannot predict their first tokens.
      const lost = windows.filter((one, i) => i > 0 && one.begin === windows[i - 1]!.end).length;
      const { tokens: scored, nats, loss } = await perplexity(model, tokens, { window, stride });
      assert.equal(scored, tokens.length - 1 - lost);
      near(nats / scored, loss, "mean");
    }
  },
);

testEveryLlama(
  "what cannot be scored is refused by name",
  ["perplexity.json", "model.safetensors"],
  () => ["refusals"],
  async (fixture) => {
    const model = fixture.model();
    const refused = (message: RegExp, tokens: number[], options: PerplexityOptions, of: Model = model) =>
      assert.rejects(perplexity(of, tokens, options), message);
    await refused(/two tokens or more, not 1/, [1], { window: 4 });
    await refused(/window must be .* not 1/, [1, 2], { window: 1 });
    await refused(/stride must be .* 4, not 5/, [1, 2], { window: 4, stride: 5 });
    await refused(/stride must be .* not 0/, [1, 2], { window: 4, stride: 0 });
    await refused(/token 4000 is none of/, [1, 4000], { window: 4 });
    await refused(/token -1 is none of/, [1, -1], { window: 4 });
    const parameters = new Map(model.parameters);
    const [name, { shape, data }] = [...parameters].find(([key]) => key.endsWith("model.norm.weight"))!;
    parameters.set(name, float32Tensor(shape, new Float32Array(data.length).fill(NaN)));
    await refused(/tokens 1 to 2 are not finite/, [1, 2, 3], { window: 4 }, { ...model, parameters });
  },
);

test("a model that answers an input has no perplexity", async () => {
  const model = randomT5(TINY, 1);
  await assert.rejects(perplexity(model, [1, 2], { window: 4 }), /of causal models: T5 reads an input/);
});

test("bits per byte are over the bytes of UTF-8", () => {
  assert.equal(bitsPerByte({ nats: 8 * Math.LN2 }, "abcd"), 2);
  assert.equal(bitsPerByte({ nats: 8 * Math.LN2 }, "né\u{1F600}"), 8 / 7);
  assert.throws(() => bitsPerByte({ nats: 1 }, ""), /empty/);
});

const chatModel = process.env["PERSONA_CHAT_MODEL"];
const corpus = process.env["PERSONA_DATA"];
const lacksModel =
  !(chatModel && existsSync(chatModel)) && "PERSONA_CHAT_MODEL names no folder of SmolLM2-135M-Instruct";
const lacksText = !(corpus && existsSync(corpus)) && "PERSONA_DATA names no folder of Synthetic-Persona-Chat";

test(
  "SmolLM2's perplexity of five conversations is transformers' 3.7400",
  { skip: lacksModel || lacksText },
  async (t) => {
    const { rows } = readPart(findPart(corpus!, "valid"), "valid");
    const text = rows
      .slice(0, 5)
      .map((row) => row.text.trim())
      .join("\n\n");
    if (!sha256(text).startsWith("fed59809")) return t.skip(`${corpus} holds another text`);
    const model = openModelDirectory(chatModel!);
    try {
      const tokens = (await loadTokenizer(chatModel!)).encode(text, { addEos: false });
      const found = await perplexity(model, tokens, { window: 512, stride: 256 });
      assert.equal(found.tokens, 2298);
      assert.ok(Math.abs(found.perplexity - 3.74) < 1e-4, `perplexity ${found.perplexity}`);
      t.diagnostic(`${bitsPerByte(found, text).toFixed(4)} bits per byte`);
    } finally {
      model.close();
    }
  },
);
