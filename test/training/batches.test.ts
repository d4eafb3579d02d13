import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IGNORED_LABEL } from "../../src/models/language-model";

import { batchOrder, collate, type Example } from "../../src/training/batches";

const ids = fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 40 });
const examples: fc.Arbitrary<Example[]> = fc.array(fc.record({ inputIds: ids, labels: ids }), {
  maxLength: 60,
});

test("an epoch holds every example once, in full batches but for one, and the seed and epoch decide the order", () => {
  fc.assert(
    fc.property(examples, fc.integer({ min: 1, max: 7 }), fc.nat(3), (items, batchSize, epoch) => {
      const order = batchOrder(items, { batchSize, seed: 1, epoch });
      assert.deepEqual(
        order.flat().sort((a, b) => a - b),
        items.map((_, i) => i),
      );
      assert.ok(order.filter((batch) => batch.length < batchSize).length <= 1);
      assert.deepEqual(order, batchOrder(items, { batchSize, seed: 1, epoch }));
    }),
  );
  const many = Array.from({ length: 40 }, (_, i) => ({ inputIds: [i], labels: [1] }));
  const orders = [0, 1].map((epoch) => JSON.stringify(batchOrder(many, { batchSize: 4, seed: 1, epoch })));
  assert.notEqual(orders[0], orders[1]);
});

test("batches by length compute less padding than batches in random order", () => {
  const items = Array.from({ length: 400 }, (_, i) => ({
    inputIds: new Array(1 + ((i * 37) % 200)).fill(3),
    labels: [1],
  }));
  const padded = (batches: number[][]) =>
    batches.reduce(
      (sum, batch) => sum + batch.length * Math.max(...batch.map((i) => items[i]!.inputIds.length)),
      0,
    );
  const real = items.reduce((sum, item) => sum + item.inputIds.length, 0);
  const unsorted = Array.from({ length: 50 }, (_, b) => Array.from({ length: 8 }, (_, i) => b * 8 + i));
  const sorted = batchOrder(items, { batchSize: 8, seed: 2, epoch: 0 });
  assert.ok(padded(sorted) < 1.05 * real && padded(unsorted) > 1.3 * real);
});

test("a collated batch gives back its examples, and the rest is padding that no loss sees", () => {
  fc.assert(
    fc.property(examples, fc.integer({ min: 1, max: 8 }), (items, padToMultipleOf) => {
      fc.pre(items.length > 0);
      const indices = items.map((_, i) => i).slice(0, 5);
      const batch = collate(items, indices, { padTokenId: 0, rows: 6, padToMultipleOf });
      assert.equal(batch.inputLength % padToMultipleOf, 0);
      for (let row = 0; row < batch.rows; row++) {
        const part = (array: Int32Array, length: number) => [
          ...array.subarray(row * length, (row + 1) * length),
        ];
        const { inputIds = [], labels = [] } = row < indices.length ? items[row]! : {};
        const mask = part(batch.attentionMask, batch.inputLength);
        assert.deepEqual(
          part(batch.inputIds, batch.inputLength).filter((_, i) => mask[i] === 1),
          inputIds,
        );
        assert.deepEqual(
          part(batch.labels, batch.labelLength).filter((id) => id !== IGNORED_LABEL),
          labels,
        );
      }
    }),
  );
});

test("a batch size that is no whole number above 0 is refused", () => {
  assert.throws(() => batchOrder([], { batchSize: 0, seed: 0, epoch: 0 }), /batchSize/);
});

test("an example without label weights counts 1 beside those that have some, wherever it stands", () => {
  const plain = { inputIds: [3, 1], labels: [4, 5, 1] };
  const weighted = { inputIds: [3, 1], labels: [6, 1], labelWeights: [5, 2] };
  const options = { padTokenId: 0, rows: 3, padToMultipleOf: 1 };
  assert.deepEqual(
    collate([plain, weighted], [0, 1], options).labelWeights,
    Float32Array.of(1, 1, 1, 5, 2, 0, 0, 0, 0),
  );
  assert.equal(collate([plain], [0], options).labelWeights, undefined);
});

test("sequences of one row are numbered in its mask, from 1", () => {
  const row = { inputIds: [1, 2, 3, 4, 5], labels: [-100, 2, -100, 4, 5], sequenceLengths: [2, 3] };
  const alone = { inputIds: [7], labels: [-100] };
  const { attentionMask, inputIds } = collate([row, alone], [0, 1], {
    padTokenId: 9,
    rows: 3,
    padToMultipleOf: 6,
  });
  assert.deepEqual([...attentionMask], [1, 1, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...inputIds].slice(0, 7), [1, 2, 3, 4, 5, 9, 7]);
});
