import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Pair } from "../../../src/training/pairs";
import { frozenModel } from "../../../src/training/policies/frozen";
import {
  ReferenceInterrupted,
  referenceLogprobs,
  type ReferenceLogprobsOptions,
} from "../../../src/training/reference/logprobs";
import { Random } from "../../../src/random/random";
import { tinyLlama } from "../../models/llama/tiny-llama";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "reference-"))));
afterEach(() => rmSync(directory, { recursive: true }));

const random = new Random(4);
const ids = (count: number) => Array.from({ length: count }, () => 1 + random.integer(90));
const pairs: Pair[] = Array.from({ length: 7 }, (_, i) => ({
  promptIds: ids(3 + i),
  chosenIds: [...ids(2 + (i % 3)), 96],
  rejectedIds: [...ids(1 + i), 96],
}));
const frozen = frozenModel(tinyLlama());
const score = (change: Partial<ReferenceLogprobsOptions> = {}, of = frozen, some: readonly Pair[] = pairs) =>
  referenceLogprobs(of, some, {
    taskType: "CAUSAL_LM",
    padTokenId: 0,
    padToMultipleOf: 8,
    batchSize: 2,
    directory,
    ...change,
  }).then(({ referenceLogprobs }) => [...referenceLogprobs]);
const files = () => readdirSync(directory);

test("log-probabilities are computed once, with progress, and found the next time", async () => {
  const told: number[][] = [];
  const onProgress = (...progress: number[]) => void told.push(progress);
  const first = await score({ onProgress });
  assert.equal(first.length, 14);
  assert.ok(first.every((value) => value < 0));
  assert.deepEqual(told.at(-1), [7, 7]);
  assert.equal(told.length, 4);
  assert.equal(files().length, 1);
  const again: number[][] = [];
  assert.deepEqual(await score({ onProgress: (...progress) => void again.push(progress) }), first);
  assert.deepEqual(again, [[7, 7]]);
});

test("another model, adapter, pair or batch size has another file", async () => {
  const other = tinyLlama();
  other.parameters.get("model.norm.weight")!.data[0]! += 1e-3;
  await score();
  await score({}, frozenModel(other));
  await score({}, frozen, pairs.slice(1));
  await score({ batchSize: 3 });
  await score({ padToMultipleOf: 4 });
  assert.equal(files().length, 5);
});

test("work that was stopped goes on, and gives the same bits", async () => {
  const whole = await score();
  rmSync(join(directory, files()[0]!));
  const stop = new AbortController();
  const stopped = score({
    signal: stop.signal,
    onProgress: (done) => {
      if (done >= 3) stop.abort();
    },
  });
  await assert.rejects(stopped, (error: Error) => {
    assert.ok(error instanceof ReferenceInterrupted);
    assert.ok(error.done >= 3 && error.done < 7, error.message);
    return true;
  });
  const told: number[] = [];
  assert.deepEqual(await score({ onProgress: (done) => void told.push(done) }), whole);
  assert.ok(told[0]! >= 3 && told.length < 4, told.join());
  assert.equal(files().length, 1);
});

test("a file that is damaged or of something else is named, and made again", async () => {
  const whole = await score();
  const path = join(directory, files()[0]!);
  const bytes = readFileSync(path);
  const said: string[] = [];
  const again = () => score({ onMessage: (message) => void said.push(message) });
  bytes[bytes.length - 3]! ^= 1;
  writeFileSync(path, bytes);
  assert.deepEqual(await again(), whole);
  assert.match(said.pop()!, /reference-\w+\.safetensors is not used: it is damaged/);
  writeFileSync(path, bytes.subarray(0, 20));
  assert.deepEqual(await again(), whole);
  assert.match(said.pop()!, /is not used: .*not a valid safetensors file/);
  const name = files()[0]!;
  await score({}, frozen, pairs.slice(0, 3));
  const foreign = files().find((file) => file !== name)!;
  writeFileSync(path, readFileSync(join(directory, foreign)));
  assert.deepEqual(await again(), whole);
  assert.match(said.pop()!, /is not used: it is of another reference or of other pairs/);
  assert.deepEqual(await again(), whole);
  assert.equal(said.length, 0);
});

test("a log-probability that is no number names its pair, and nothing is kept", async () => {
  const broken = tinyLlama();
  broken.parameters.get("model.norm.weight")!.data.fill(Infinity);
  await assert.rejects(
    score({}, frozenModel(broken)),
    /answer of pair \d+ the log-probability (NaN|-Infinity)/,
  );
  assert.equal(existsSync(directory) && files().length, 0);
});

test("no pairs need no model", async () => {
  assert.deepEqual(await score({}, frozen, []), []);
  assert.equal(files().length, 0);
});
