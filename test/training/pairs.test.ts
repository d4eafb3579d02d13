import assert from "node:assert/strict";
import { test } from "node:test";
import { type Pair, pairBatches, PairRows } from "../../src/training/pairs";

const pairs: Pair[] = [
  { promptIds: [5, 6], chosenIds: [7, 8, 2], rejectedIds: [9, 2] },
  { promptIds: [5], chosenIds: [2], rejectedIds: [4, 4, 4, 4, 4, 4, 2] },
  { promptIds: [5, 5, 5], chosenIds: [3, 2], rejectedIds: [4, 2] },
];
const options = { taskType: "CAUSAL_LM", padTokenId: 0, padToMultipleOf: 4 } as const;
const rowsOf = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }) =>
  Array.from({ length: shape[0]! }, (_, row) =>
    Array.from(data).slice(row * shape[1]!, (row + 1) * shape[1]!),
  );

test("a pair is two rows, the chosen answer first; only answers have labels, and missing pairs are padding", () => {
  const { inputIds, attentionMask, labels } = new PairRows(pairs, options).batch([2, 0], 3);
  const no = -100;
  assert.deepEqual(rowsOf(inputIds!), [
    [5, 5, 5, 3, 2, 0, 0, 0],
    [5, 5, 5, 4, 2, 0, 0, 0],
    [5, 6, 7, 8, 2, 0, 0, 0],
    [5, 6, 9, 2, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.deepEqual(rowsOf(labels!), [
    [no, no, no, 3, 2, no, no, no],
    [no, no, no, 4, 2, no, no, no],
    [no, no, 7, 8, 2, no, no, no],
    [no, no, 9, 2, no, no, no, no],
    [no, no, no, no, no, no, no, no],
    [no, no, no, no, no, no, no, no],
  ]);
  assert.deepEqual(
    rowsOf(attentionMask!).map((row) => row.reduce((sum, mask) => sum + mask, 0)),
    [5, 5, 5, 4, 0, 0],
  );
});

test("an encoder–decoder reads the prompt and has labels of its own", () => {
  const { inputIds, labels } = new PairRows(pairs, { ...options, taskType: "SEQ_2_SEQ_LM" }).batch([0], 1);
  assert.deepEqual(rowsOf(inputIds!), [
    [5, 6, 0, 0],
    [5, 6, 0, 0],
  ]);
  assert.deepEqual(rowsOf(labels!), [
    [7, 8, 2, -100],
    [9, 2, -100, -100],
  ]);
});

test("pairs of similar length go together, by the longer of their rows", () => {
  const lengths = [9, 2, 8, 3, 7, 2];
  const many = lengths.map((length, i): Pair => {
    const [long, short] = [Array.from({ length }, () => 4), [4]];
    const isChosen = i % 2 === 0;
    return { promptIds: [5], chosenIds: isChosen ? long : short, rejectedIds: isChosen ? short : long };
  });
  const rows = new PairRows(many, options);
  const order = rows.order({ batchSize: 2, seed: 3, epoch: 1 });
  assert.deepEqual(order.flat().sort(), [0, 1, 2, 3, 4, 5]);
  const sorted = order.map((batch) => batch.map((i) => lengths[i]!)).sort(([a], [b]) => b! - a!);
  assert.deepEqual(sorted, [
    [9, 8],
    [7, 3],
    [2, 2],
  ]);
  assert.deepEqual(rows.order({ batchSize: 2, seed: 3, epoch: 1 }), order);
});

test("the reference's log-probabilities travel with their pairs", () => {
  const train = { pairs, referenceLogprobs: Float32Array.of(-1, -2, -3, -4, -5, -6) };
  const validation = { pairs: pairs.slice(0, 1), referenceLogprobs: Float32Array.of(-7, -8) };
  const data = pairBatches(train, validation, { ...options, reference: "r" });
  assert.equal(data.size, 3);
  assert.deepEqual([...data.batch([2, 0], 3)["referenceLogprobs"]!.data], [-5, -6, -1, -2, 0, 0]);
  assert.equal(data.tokens(data.batch([2, 0], 3)), 19);
  const [first, ...others] = [...data.validationBatches(2)];
  assert.equal(others.length, 0);
  assert.deepEqual([...first!["referenceLogprobs"]!.data], [-7, -8, 0, 0]);
  assert.throws(
    () =>
      pairBatches({ pairs, referenceLogprobs: new Float32Array(4) }, validation, {
        ...options,
        reference: "r",
      }),
    /3 pairs need 6 log-probabilities of the reference, not 4/,
  );
});

test("pairs, validation and reference identify the data", () => {
  const scored = (pairs: readonly Pair[]) => ({
    pairs,
    referenceLogprobs: new Float32Array(2 * pairs.length),
  });
  const print = (train: readonly Pair[], validation: readonly Pair[], reference: string) =>
    JSON.stringify(pairBatches(scored(train), scored(validation), { ...options, reference }).fingerprint);
  const swapped = pairs.map(({ promptIds, chosenIds, rejectedIds }) => ({
    promptIds,
    chosenIds: rejectedIds,
    rejectedIds: chosenIds,
  }));
  const prints = [
    print(pairs, [], "r"),
    print(pairs, [], "other"),
    print(pairs, pairs, "r"),
    print(swapped, [], "r"),
  ];
  assert.equal(new Set(prints).size, prints.length);
});
