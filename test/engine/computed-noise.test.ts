import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile, CompiledFunction } from "../../src/engine/compile";
import { drawComputed, keyOf } from "../../src/engine/computed-noise";
import { dropout } from "../../src/engine/ops/dropout";
import { recordFunction } from "../../src/engine/recording";
import type { ProgramTensor } from "../../src/engine/tensors";

const ones = (...shape: number[]): ProgramTensor => ({
  dtype: "float32",
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1),
});

test("a program computes the masks that are drawn by the same rule", async () => {
  const inputs = { x: ones(3, 2, 50), y: ones(7) };
  const program = await compile(
    ({ x, y }) => ({ dropped: { x: dropout(x, 0.25), y: dropout(y, 0.5) }, again: dropout(x, 0.25) }),
    inputs,
    { masks: "computed" },
  );
  const noise = { seed: 7, step: 3 };
  const { dropped, again } = await program.run(inputs, { noise });
  for (const [tensor, index, threshold] of [
    [dropped["x"]!, 0, 64],
    [dropped["y"]!, 1, 128],
    [again, 2, 64],
  ] as const) {
    const expected = drawComputed(noise, { index, size: tensor.data.length, threshold });
    assert.deepEqual(
      [...tensor.data],
      [...expected].map((kept) => (kept * 256) / (256 - threshold)).map(Math.fround),
    );
  }
  assert.deepEqual((await program.run(inputs, { noise })).again.data, again.data);
  assert.notDeepEqual((await program.run(inputs, { noise: { seed: 7, step: 4 } })).again.data, again.data);
  assert.notDeepEqual(again.data, dropped["x"]!.data);
  await assert.rejects(program.run(inputs), /noise/);
  await program.dispose();
});

test("masks that are computed are given no more than a key", () => {
  const { model, masks } = recordFunction(
    ({ x }) => ({ y: dropout(tf.add(dropout(x, 0.1), 1), 0.1) }),
    { x: ones(4, 5) },
    { computesMasks: true },
  );
  assert.equal(masks.size, 0);
  assert.deepEqual(
    model.inputs.map(({ name, shape }) => [name, shape]),
    [
      ["x", [4, 5]],
      ["noise:key", [2]],
    ],
  );
  assert.equal(keyOf({ seed: 1, step: 2 }).length, 2);
});

test("computed masks keep their share, of elements, rows and columns, and no two go together", () => {
  const size = 1 << 16;
  const scores: number[] = [];
  for (const [threshold, seed] of [
    [26, 1],
    [128, 2],
    [230, 3],
  ] as const) {
    const p = 1 - threshold / 256;
    const draw = (step: number, index: number) =>
      Float64Array.from(drawComputed({ seed, step }, { index, size, threshold }), (kept) => kept - p);
    const mask = draw(0, 0);
    const deviation = Math.sqrt(p * (1 - p));
    scores.push(mask.reduce((sum, value) => sum + value, 0) / deviation / Math.sqrt(size));
    const together = (a: Float64Array, b: Float64Array, lag: number) => {
      let sum = 0;
      for (let i = lag; i < size; i++) sum += a[i]! * b[i - lag]!;
      return sum / (p * (1 - p)) / Math.sqrt(size - lag);
    };
    for (const lag of [1, 2, 3, 8, 16, 64, 256, 1024, 4096]) scores.push(together(mask, mask, lag));
    for (const other of [draw(1, 0), draw(0, 1), draw(2, 5)]) scores.push(together(mask, other, 0));
    for (const width of [64, 512]) {
      const sums = Array.from({ length: size / width }, (_, row) =>
        mask.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value, 0),
      );
      const spread =
        sums.reduce((sum, value) => sum + value * value, 0) / sums.length / (width * p * (1 - p));
      scores.push((spread - 1) / Math.sqrt(2 / sums.length));
    }
  }
  const rms = Math.sqrt(scores.reduce((sum, score) => sum + score * score, 0) / scores.length);
  assert.ok(Math.max(...scores.map(Math.abs)) < 4.5, `a score of ${Math.max(...scores.map(Math.abs))}`);
  assert.ok(rms > 0.6 && rms < 1.4, `scores spread by ${rms}, where chance has 1`);
});

test("where numbers stop being finite is looked for with the masks of the run", async () => {
  const drop = new CompiledFunction(({ x }: { x: tf.Tensor }) => ({ y: tf.log(dropout(x, 0.5)) }), {
    masks: "computed",
  });
  const outcomes = new Set<number>();
  for (let step = 0; step < 5; step++) {
    const noise = { seed: 5, step };
    const kept = drawComputed(noise, { index: 0, size: 1, threshold: 128 })[0]!;
    outcomes.add(kept);
    const search = drop.assertFinite({ x: ones(1) }, { noise });
    await (kept === 1 ? search : assert.rejects(search, /kernel Log/));
  }
  assert.equal(outcomes.size, 2);
  await drop.dispose();
});
