import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Decoder, GenerativeModel } from "../../src/models/generative";
import type { TokenBatch } from "../../src/models/tokenizer/tokenizer";
import { Batches, type BatchesOptions, type Job, QueueFull } from "../../src/serve/batches";

const VOCABULARY = 50;
/** What follows tokens: no row's answer can be taken for another's. */
const after = (tokens: readonly number[]) =>
  tokens.reduce((sum, token, i) => (sum * 7 + token * (i + 3)) % VOCABULARY, 1);

/** A model whose next token depends on all tokens of its row, and that counts what it is asked. */
class Rows implements GenerativeModel {
  readonly taskType = "CAUSAL_LM";
  readonly stopTokenIds = [];
  readonly padTokenId = 0;
  readonly batches: number[] = [];
  open = 0;
  adapter: string | undefined;
  readonly steps: { adapter: string | undefined; rows: number }[] = [];

  async startDecoder({ inputIds, lengths }: TokenBatch): Promise<Decoder> {
    const [, width] = inputIds.shape as [number, number];
    let rows = lengths.map((length, row) => [...inputIds.data.subarray(row * width, row * width + length)]);
    if (rows.some((row) => row.includes(49))) throw new Error("49 cannot be read");
    this.batches.push(rows.length);
    this.open++;
    const prompts = rows.map((row) => [...row]);
    rows = rows.map((row) => row.slice(0, -1));
    return Promise.resolve({
      vocabularySize: VOCABULARY,
      prompts,
      nextTokens: () => Promise.reject(new Error("not asked for")),
      nextLogProbabilities: () => Promise.reject(new Error("not asked for")),
      nextLogits: async (tokens) => {
        assert.equal(tokens.length, rows.length);
        this.steps.push({ adapter: this.adapter, rows: rows.length });
        await new Promise(setImmediate);
        const logits = new Float32Array(rows.length * VOCABULARY);
        rows.forEach((row, i) => {
          row.push(tokens[i]!);
          logits[i * VOCABULARY + after(row)] = 1;
        });
        return logits;
      },
      select: (kept) => (rows = kept.map((row) => [...rows[row]!])),
      dispose: () => void this.open--,
    });
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

/** The answer that a prompt has, however many others there are. */
function expected(prompt: readonly number[], length: number): number[] {
  const tokens = [...prompt];
  for (let i = 0; i < length; i++) tokens.push(after(tokens));
  return tokens.slice(prompt.length);
}

interface Asked extends Job {
  readonly answer: number[];
}

function job(input: readonly number[], maxNewTokens: number, more: Partial<Job> = {}): Asked {
  const answer: number[] = [];
  return {
    prompt: { input, begun: [] },
    maxNewTokens,
    signal: new AbortController().signal,
    next: (logits) => {
      const token = logits.indexOf(1);
      answer.push(token);
      return token;
    },
    ...more,
    answer,
  };
}

const start = (options: BatchesOptions = {}) => {
  const model = new Rows();
  return { model, batches: new Batches(model, options) };
};

describe("many jobs over one model", () => {
  test("a job has the answer that it has alone, in whatever company, and whoever leaves earlier", async () => {
    const { model, batches } = start({ rows: 5, batches: 3 });
    const jobs = Array.from({ length: 40 }, (_, i) =>
      job([i % 48, (i * 3) % 48, ...(i % 3 ? [5] : [])], 1 + ((i * 5) % 13)),
    );
    const running = jobs.map(async (one, i) => {
      for (let wait = 0; wait < i % 7; wait++) await new Promise(setImmediate);
      await batches.run(one);
    });
    await Promise.all(running);
    for (const { prompt, maxNewTokens, answer } of jobs)
      assert.deepEqual(answer, expected(prompt.input, maxNewTokens));
    assert.ok(Math.max(...model.batches) === 5, "no batch was full");
    assert.equal(model.open, 0);
    assert.deepEqual(batches.load, { waiting: 0, running: 0 });
  });

  test("those that wait begin together, and a later one does not wait for them to end", async () => {
    const { model, batches } = start();
    const long = [job([1], 200), job([2], 200), job([3], 200)];
    const all = Promise.all(long.map((one) => batches.run(one)));
    while (long[0]!.answer.length < 10) await new Promise(setImmediate);
    await batches.run(job([4], 3));
    assert.ok(long[0]!.answer.length < 50, "it waited");
    assert.deepEqual(model.batches, [3, 1]);
    await all;
  });

  test("a job ends when its chooser says so", async () => {
    const { batches } = start();
    let left = 4;
    const short = job([7], 100, { next: () => (--left > 0 ? 3 : undefined) });
    const other = job([8], 30);
    await Promise.all([batches.run(short), batches.run(other)]);
    assert.equal(left, 0);
    assert.deepEqual(other.answer, expected([8], 30));
  });

  test("whoever is not waited for leaves: before it begins, and in the middle", async () => {
    const { model, batches } = start({ rows: 1, batches: 1 });
    const controllers = [0, 1].map(() => new AbortController());
    const [first, second] = controllers.map(({ signal }, i) => job([i], 1000, { signal }));
    const both = Promise.all([batches.run(first!), batches.run(second!)]);
    while (first!.answer.length < 5) await new Promise(setImmediate);
    controllers[1]!.abort();
    controllers[0]!.abort();
    await both;
    assert.ok(first!.answer.length < 10);
    assert.equal(second!.answer.length, 0);
    assert.equal(model.open, 0);
  });

  test("what a chooser throws ends its job alone", async () => {
    const { batches } = start();
    const bad = job([1], 10, {
      next: () => {
        throw new Error("no choice");
      },
    });
    const good = job([2], 10);
    const [one, other] = await Promise.allSettled([batches.run(bad), batches.run(good)]);
    assert.match(String((one as PromiseRejectedResult).reason), /no choice/);
    assert.equal(other.status, "fulfilled");
    assert.deepEqual(good.answer, expected([2], 10));
  });

  test("a batch that cannot begin fails those in it, and the next one begins", async () => {
    const { batches } = start({ rows: 1 });
    const good = job([2], 5);
    const [one, other] = await Promise.allSettled([batches.run(job([49], 5)), batches.run(good)]);
    assert.match(String((one as PromiseRejectedResult).reason), /49 cannot be read/);
    assert.equal(other.status, "fulfilled");
    assert.deepEqual(good.answer, expected([2], 5));
  });

  test("no more wait than may", async () => {
    const { batches } = start({ rows: 1, batches: 1, waiting: 2 });
    const asked = await Promise.allSettled([1, 2, 3, 4, 5].map((i) => batches.run(job([i], 3))));
    assert.deepEqual(
      asked.map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected", "rejected", "rejected"],
    );
    assert.ok((asked[2] as PromiseRejectedResult).reason instanceof QueueFull);
  });

  test("each step computes with the adapter that its batch wants", async () => {
    const model = new Rows();
    const batches = new Batches(model, { use: (adapter) => (model.adapter = adapter) });
    await Promise.all([
      batches.run(job([1], 5, { adapter: "maria" })),
      batches.run(job([2], 5)),
      batches.run(job([3], 5, { adapter: "maria" })),
      batches.run(job([4], 5, { adapter: "tom" })),
    ]);
    assert.deepEqual(model.batches, [2, 1, 1]);
    const rowsWith = (adapter?: string) =>
      model.steps.filter((step) => step.adapter === adapter).reduce((sum, { rows }) => sum + rows, 0);
    assert.deepEqual([rowsWith("maria"), rowsWith(), rowsWith("tom")], [10, 5, 5]);
  });
});
