import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { compile } from "../../src/engine/compile";
import type { ProgramTensor } from "../../src/engine/tensors";
import { IGNORED_LABEL, lossSums, type LabelledBatch } from "../../src/models/language-model";
import { t5 } from "../../src/models/t5/model";
import { collate, type Example } from "../../src/training/batches";
import { packing } from "../../src/training/packing";
import { batchTensors, labelCount, packedBatchTensors } from "../../src/training/tensors";
import { randomT5, TINY } from "../models/tiny";

const example = (input: number, labels: number): Example => ({
  inputIds: Array.from({ length: input }, (_, i) => 2 + ((7 * i + input) % 28)),
  labels: Array.from({ length: labels }, (_, i) => 2 + ((5 * i + labels) % 28)),
});
const weighted = (one: Example): Example => ({
  ...one,
  labelWeights: one.labels.map((_, i) => (i % 3 === 0 ? 2.5 : 1)),
});
const collated = (examples: readonly Example[], rows: number, padToMultipleOf = 4) =>
  collate(
    examples,
    examples.map((_, i) => i),
    { padTokenId: 0, rows, padToMultipleOf },
  );

const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 9 })), {
  minLength: 1,
  maxLength: 5,
});

test("every token and every label has one row, and what fills the rows up is padding", () => {
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 2 }),
      (all, multipleOf, missing) => {
        const batch = collated(
          all.map(([input, labels]) => example(input, labels)),
          all.length + missing,
        );
        const { tokenPositions, positionRows, labelRows } = packing(batch, multipleOf);
        if (tokenPositions && positionRows) {
          assert.equal(tokenPositions.length % multipleOf, 0);
          assert.equal(positionRows.length, batch.attentionMask.length);
          batch.attentionMask.forEach((mask, position) => {
            const row = positionRows[position]!;
            if (mask === 1) assert.equal(tokenPositions[row], position);
            else assert.equal(row, tokenPositions.length - 1);
          });
          const tokens = all.reduce((sum, [input]) => sum + input, 0);
          const isToken = [...tokenPositions].map((position) => batch.attentionMask[position] === 1);
          assert.deepEqual(
            isToken,
            isToken.map((_, row) => row < tokens),
          );
        } else {
          const padding = batch.attentionMask.filter((mask) => mask === 0).length;
          assert.ok(padding <= multipleOf);
        }
        if (labelRows) {
          const taken = [...labelRows]
            .map((row) => batch.labels[row]!)
            .filter((label) => label !== IGNORED_LABEL);
          assert.deepEqual(
            taken,
            all.flatMap(([, labels]) => example(1, labels).labels),
          );
        }
      },
    ),
  );
});

describe("a batch without its padding has the loss and the gradients of the padded one", () => {
  before(() => tf.setBackend("cpu"));
  const { config, parameters } = randomT5(TINY, 4);
  const weights = Object.fromEntries(parameters);
  const names = Object.keys(weights);
  const withGradients = ({
    weights,
    batch,
  }: {
    weights: Record<string, tf.Tensor>;
    batch: Record<string, tf.Tensor>;
  }) => {
    const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const model = t5(config, Object.fromEntries(names.map((name, i) => [name, values[i]!])));
      return lossSums(model, batch as unknown as LabelledBatch).loss;
    })(names.map((name) => weights[name]!));
    return {
      loss: value as tf.Tensor,
      gradients: Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
    };
  };
  const run = async (batch: Record<string, ProgramTensor>, device: "cpu" | "tfjs-cpu") => {
    const program = await compile(withGradients, { weights, batch }, { device });
    const { loss, gradients } = await program.run({ weights, batch });
    await program.dispose();
    return [loss, ...Object.values(gradients)].map(({ data }) => [...(data as Float32Array)]);
  };
  const cases = {
    "rows of many lengths": collated([example(3, 2), example(19, 9), example(7, 1)], 3),
    "rows that are missing": collated([example(5, 4), example(6, 3)], 4),
    "labels with weights": collated([example(3, 2), example(19, 9)].map(weighted), 3),
    "one full row": collated([example(12, 8), example(2, 3)], 2),
  };
  for (const [name, batch] of Object.entries(cases)) {
    for (const device of ["cpu", "tfjs-cpu"] as const) {
      test(`${name}, ${device}`, async () => {
        const packed = packedBatchTensors(batch, 2);
        assert.ok(packed["tokenPositions"] && packed["labelRows"]);
        const expected = await run({ ...batchTensors(batch) }, device);
        (await run({ ...packed }, device)).forEach((values, i) => {
          const largest = Math.max(...expected[i]!.map(Math.abs));
          values.forEach((value, j) => {
            const off = Math.abs(value - expected[i]![j]!) / Math.max(1, largest);
            assert.ok(off < 1e-5, `${["the loss", ...names][i]} is off by ${off}`);
          });
        });
      });
    }
  }
});

test("a label counts in the loss as much as its weight says", async () => {
  const { config, parameters } = randomT5(TINY, 4);
  const weights = Object.fromEntries(parameters);
  const sums = async (one: Example) => {
    const batch = packedBatchTensors(collated([one], 1), 2);
    const program = await compile(
      ({ weights, batch }) => ({ ...lossSums(t5(config, weights), batch as unknown as LabelledBatch) }),
      { weights, batch },
    );
    const { loss, labels } = await program.run({ weights, batch });
    await program.dispose();
    return { loss: Number(loss!.data[0]), labels: Number(labels!.data[0]), count: labelCount(batch) };
  };
  const plain = example(6, 5);
  // What a prefix of the labels adds to the loss does not depend on what comes after it.
  const upTo = await Promise.all(
    [1, 2, 3, 4, 5].map((length) => sums({ ...plain, labels: plain.labels.slice(0, length) })),
  );
  const single = upTo.map(({ loss }, i) => loss - (upTo[i - 1]?.loss ?? 0));
  const labelWeights = [1, 0, 3, 0.5, 2];
  const { loss, labels, count } = await sums({ ...plain, labelWeights });
  assert.ok(Math.abs(loss - single.reduce((sum, one, i) => sum + one * labelWeights[i]!, 0)) < 1e-4);
  assert.equal(labels, 6.5);
  assert.equal(count, 5);
  assert.equal(upTo[4]!.labels, 5);
});
