import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { int32Tensor } from "../../../src/tensors/tensor";
import { endNotTaught } from "../../../src/training/alarms/end-not-taught";
import type { BatchSource } from "../../../src/training/data";
import { exampleBatches } from "../../../src/training/example-batches";
import { train } from "../../../src/training/trainer";
import { tinyDpoOptions, tinyDpoSpec } from "../tiny-dpo";

const settings = { endTokenIds: [2, 9], padTokenId: 0, batchSize: 2, seed: 1 };
const examples = (labels: number[][]) =>
  exampleBatches(
    labels.map((one) => ({ inputIds: [5, 6], labels: one })),
    [],
    { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 4 },
  );

/** What a collator does that masks padding by its token, where that is the end token. */
const maskedByToken = (data: BatchSource, pad: number): BatchSource => ({
  ...data,
  batch(indices, rows) {
    const batch = data.batch(indices, rows);
    const { shape, data: labels } = batch["labels"]!;
    const masked = Int32Array.from(labels, (label) => (Number(label) === pad ? -100 : Number(label)));
    return { ...batch, labels: int32Tensor(shape, masked) };
  },
});

test("targets with an end are well, also where a template writes more behind it", () => {
  assert.equal(
    endNotTaught(
      examples([
        [7, 2],
        [8, 9, 4],
      ]),
      settings,
    ).check([]),
    undefined,
  );
});

test("padding that is masked by its token takes the end with it", () => {
  const data = maskedByToken(
    examples([
      [7, 2],
      [8, 2],
      [8, 8, 2],
    ]),
    2,
  );
  assert.match(
    endNotTaught(data, { ...settings, padTokenId: 2 }).check([])!,
    /none of the 3 targets .*eos_token_id 2, 9.*padding token is an end token as well \(2\)/,
  );
});

test("targets that end with a token at which generation does not stop are told", () => {
  assert.match(
    endNotTaught(
      examples([
        [7, 3],
        [8, 3],
      ]),
      settings,
    ).check([])!,
    /none of the 2 targets .*Let targets end with one of these, or.*generation_config\.json/,
  );
});

test("a training says it once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "dpo-"));
  try {
    const spec = await tinyDpoSpec(directory);
    const said: string[] = [];
    const data = maskedByToken(spec.data, 96);
    const watched = {
      ...data,
      alarms: [endNotTaught(data, { endTokenIds: [96], padTokenId: 96, batchSize: 4, seed: 13 })],
    };
    await train({ ...spec, data: watched }, tinyDpoOptions(directory, { maxSteps: 3 }), {
      onMessage: (message, event) => void (event === "alarm" && said.push(message)),
    });
    const own = said.filter((message) => message.startsWith("the end of answers is not learned: "));
    assert.equal(own.length, 1);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
