import assert from "node:assert/strict";
import { test } from "node:test";
import { rewardExamples, textBatches, TextRows } from "../../src/training/text-batches";

const options = { padTokenId: 0, padToMultipleOf: 4 };

test("texts of an example are rows of a batch one after the other; rows that fill it up have no label", () => {
  const examples = [
    { texts: [[5, 6, 1], [7]], label: 2 },
    { texts: [[8, 1], [9, 9, 9, 9, 1]], label: 0 }, // prettier-ignore
  ];
  const { inputIds, attentionMask, labels } = new TextRows(examples, options).batch([1, 0], 3);
  assert.deepEqual(inputIds!.shape, [6, 8]);
  const rows = (data: ArrayLike<unknown>) =>
    Array.from({ length: 6 }, (_, i) =>
      Array.from(data)
        .slice(8 * i, 8 * i + 8)
        .map(Number),
    );
  assert.deepEqual(rows(inputIds!.data), [
    [8, 1, 0, 0, 0, 0, 0, 0],
    [9, 9, 9, 9, 1, 0, 0, 0],
    [5, 6, 1, 0, 0, 0, 0, 0],
    [7, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.deepEqual(
    rows(attentionMask!.data).map((row) => row.reduce((a, b) => a + b)),
    [2, 5, 3, 1, 0, 0],
  );
  assert.deepEqual([...(labels!.data as Int32Array)], [0, 2, -100]);
});

test("padding at a text's end is left off: a model that pads with its end token is scored at the token before", () => {
  const chosen = { promptIds: [3, 0], chosenIds: [5, 0], rejectedIds: [6, 7, 0, 0] };
  const [example] = rewardExamples([chosen]);
  assert.deepEqual(example!.texts, [
    [3, 0, 5, 0],
    [3, 0, 6, 7, 0, 0],
  ]);
  const { attentionMask } = new TextRows([example!], options).batch([0], 1);
  assert.deepEqual([...(attentionMask!.data as Int32Array)], [1, 1, 1, 0, 1, 1, 1, 1]);
});

test("batches are of similar length, each example once, and a function of seed and epoch", () => {
  const examples = Array.from({ length: 10 }, (_, i) => ({
    texts: [Array.from({ length: i + 1 }, () => 3)],
    label: i % 2,
  }));
  const data = textBatches(examples, examples.slice(0, 3), options);
  const batches = data.epochBatches(1, 4, 7);
  assert.deepEqual(batches, data.epochBatches(1, 4, 7));
  assert.notDeepEqual(batches, data.epochBatches(2, 4, 7));
  assert.deepEqual([...batches.flat()].sort((a, b) => a - b), [...examples.keys()]); // prettier-ignore
  assert.equal(data.tokens(data.batch([9, 0], 2)), 11);
  assert.equal([...data.validationBatches(2)].length, 2);
  const other = textBatches([...examples.slice(1), { ...examples[0]!, label: 1 }], [], options);
  assert.notDeepEqual(
    other.fingerprint,
    textBatches([...examples.slice(1), examples[0]!], [], options).fingerprint,
  );
});

test("examples that are no texts are refused by number", () => {
  const texts = (...lists: number[][][]) => () =>
    new TextRows(lists.map((texts) => ({ texts, label: 0 })), options); // prettier-ignore
  assert.throws(texts([[5]], [[5], [6]]), /example 2 has 2 texts, the first has 1/);
  assert.throws(texts([[5]], [[]]), /example 2 has a text without tokens/);
  assert.throws(texts([[0, 0]]), /example 1 has a text without tokens/);
});
