import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { assertFinite, compile, CompiledFunction } from "../../src/engine/compile";
import type { Device } from "../../src/engine/devices";
import { detached } from "../../src/engine/ops/detached";
import { dropout } from "../../src/engine/ops/dropout";
import { recordFunction } from "../../src/engine/recording";
import type { ProgramTensor } from "../../src/engine/tensors";

const float32 = (shape: number[], ...data: number[]): ProgramTensor => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(data),
});
const spec = (...shape: number[]) => ({ dtype: "float32" as const, shape });

beforeEach(async () => {
  await tf.setBackend("cpu");
});

describe("compile", () => {
  test("records a step with its gradient and update, and runs it again and again", async () => {
    const program = await compile(
      ({ w, data }) => {
        const loss = (w: tf.Tensor) => tf.mean(tf.squaredDifference(tf.mul(w, data.x), data.y)) as tf.Scalar;
        const { value, grad } = tf.valueAndGrad(loss)(w);
        return { loss: value as tf.Tensor, next: { w: tf.sub(w, tf.mul(grad, 0.1)) } };
      },
      { w: spec(), data: { x: spec(3), y: spec(3) } },
    );
    let w = float32([], 0);
    const data = { x: float32([3], 1, 2, 3), y: float32([3], 2, 4, 6) };
    for (let i = 0; i < 60; i++) w = (await program.run({ w, data })).next.w;
    assert.ok(Math.abs((w.data as Float32Array)[0]! - 2) < 1e-5);
    await program.dispose();
  });

  test("leaves TensorFlow.js as it was, whatever happens", async () => {
    const own = tf.tensor1d([1, 2]);
    const { numTensors } = tf.memory();
    const { random } = Math;
    const attempts: ((x: tf.Tensor) => tf.Tensor)[] = [
      (x) => tf.add(x, own),
      () => {
        throw new Error("changed my mind");
      },
      (x) =>
        tf.grad((x) => {
          tf.square(x);
          throw new Error("in the middle of a gradient");
        })(x),
      (x) => tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D),
    ];
    for (const attempt of attempts) {
      await compile(({ x }) => ({ y: attempt(x) }), { x: spec(2) }).then(
        (program) => program.dispose(),
        () => undefined,
      );
      assert.equal(tf.getBackend(), "cpu");
      assert.equal(Math.random, random);
      assert.equal(tf.memory().numTensors, numTensors);
      assert.deepEqual([...own.dataSync()], [1, 2]);
    }
    own.dispose();
  });

  test("a tensor from outside becomes a constant", async () => {
    const own = tf.tensor1d([10, 20]);
    const program = await compile(({ x }) => ({ y: tf.add(x, own) }), { x: spec(2) });
    own.dispose();
    assert.deepEqual((await program.run({ x: float32([2], 1, 2) })).y.data, Float32Array.of(11, 22));
    await program.dispose();
  });

  test("equal operations and constants are recorded once, unused ones not at all", () => {
    const { model } = recordFunction(
      ({ x }) => {
        tf.sin(x);
        const twice = [tf.mul(x, 3), tf.mul(x, 3)];
        return { y: tf.add(tf.exp(twice[0]!), tf.exp(twice[1]!)), z: tf.mul(x, 1) };
      },
      { x: spec(2), unused: spec(1) },
    );
    assert.deepEqual(
      model.nodes.map(({ opType }) => opType),
      ["Mul", "Exp", "Add", "Identity"],
    );
    assert.equal(model.constants.length, 1);
    assert.deepEqual(
      model.inputs.map(({ name }) => name),
      ["x"],
    );
  });

  test("open dimensions are computed when the program runs", () => {
    const { model } = recordFunction(
      ({ x }) => ({ y: tf.reshape(tf.add(x, tf.ones([10007, 4])), [10007 * 2, 2]) }),
      { x: spec(10007, 4) },
      { dimensions: { batch: 10007 } },
    );
    assert.deepEqual(model.inputs[0]!.shape, ["batch", 4]);
    assert.deepEqual(model.outputs[0]!.shape, ["batch*2", 2]);
    assert.throws(
      () =>
        recordFunction(
          ({ x }) => ({ y: tf.mul(x, tf.range(0, 10007, 1, "float32")) }),
          { x: spec(10007) },
          {
            dimensions: { batch: 10007 },
          },
        ),
      /constant of shape \[batch\] cannot depend on the open dimension batch/,
    );
  });

  test("results go where one wants them, in place too", async () => {
    const program = await compile(({ x, by }) => ({ moved: { x: tf.add(x, by) }, y: tf.neg(by) }), {
      x: spec(2),
      by: spec(),
    });
    const x = float32([2], 1, 2);
    const results = await program.run({ x, by: float32([], 5) }, { into: { moved: { x } } });
    assert.equal(results.moved.x, x);
    assert.deepEqual(x.data, Float32Array.of(6, 7));
    assert.deepEqual(results.y.data, Float32Array.of(-5));
    await assert.rejects(
      program.run({ x, by: float32([], 5) }, { into: { moved: { x: float32([3], 0, 0, 0) } } }),
      /not float32 \[2\]/,
    );
    await program.dispose();
  });

  for (const device of ["cpu", "tfjs-cpu"] as Device[])
    test(`one tensor may be several results on ${device}`, async () => {
      const program = await compile(
        ({ x }) => {
          const sum = tf.sum(x);
          return { a: { sum, x }, b: { sum } };
        },
        { x: spec(2) },
        { device },
      );
      const { a, b } = await program.run({ x: float32([2], 1, 2) });
      assert.deepEqual([a.sum.data, b.sum.data], [Float32Array.of(3), Float32Array.of(3)]);
      await program.dispose();
    });

  for (const device of ["cpu", "tfjs-cpu"] as Device[])
    test(`no gradient goes through what is detached, on ${device}`, async () => {
      const program = await compile(
        ({ x }) => ({ dx: tf.grad((x) => tf.mul(detached(tf.exp(x)), x))(x) }),
        { x: spec(2) },
        { device },
      );
      const { dx } = await program.run({ x: float32([2], 0, 1) });
      assert.deepEqual(
        [...dx.data].map((value) => Number(value).toFixed(5)),
        ["1.00000", Math.E.toFixed(5)],
      );
      await program.dispose();
    });

  test("a compiled function has one program for each combination of shapes", async () => {
    const double = new CompiledFunction(({ x }: { x: tf.Tensor }) => ({ y: tf.mul(x, 2) }));
    for (const x of [float32([1], 1), float32([2], 1, 2), float32([1], 3)]) {
      const { y } = await double.run({ x });
      assert.deepEqual(
        y.data,
        (x.data as Float32Array).map((value) => 2 * value),
      );
    }
    assert.equal(double.size, 2);
    await double.dispose();
    assert.equal(double.size, 0);
  });
});

describe("what cannot be compiled is refused by name and place", () => {
  const here = /compile\.test\.ts:\d+/;
  const refuses = async (fn: (x: tf.Tensor) => unknown, ...messages: RegExp[]) => {
    const attempt = compile(({ x }) => ({ y: fn(x) as tf.Tensor }), { x: spec(2, 3) });
    for (const message of messages) await assert.rejects(attempt, message);
  };

  test("an operation without an ONNX form", () => refuses((x) => tf.atan(x), /kernel Atan/, here));
  test("a value that is read", () =>
    refuses((x) => tf.scalar(x.dataSync()[0]!), /value of a tensor was read/, here));
  test("a value that is read later", () =>
    refuses(async (x) => tf.scalar((await x.data())[0]!), /cannot be async/));
  test("shapes that do not match", () => refuses((x) => tf.add(x, tf.ones([2, 4])), /2,3/, here));
  test("products that do not match", () => refuses((x) => tf.matMul(x, x), /inner/i, here));
  test("unseeded random numbers", () =>
    refuses((x) => tf.mul(x, tf.randomUniform([3])), /Math\.random/, here));
  test("TensorFlow.js' own dropout", () => refuses((x) => tf.dropout(x, 0.5), /Math\.random/, here));
  test("another type", () => refuses(() => tf.tensor1d(["a"]), /string/));
  test("a result that is no tensor", () => refuses(() => 3, /y is 3, not a tensor/));

  test("an async function", async () => {
    const fn = async () => ({ y: tf.scalar(1) });
    await assert.rejects(compile(fn as never, {}), /cannot be async/);
  });

  test("an input and a result of one name", async () => {
    await assert.rejects(
      compile(({ x }) => ({ x: tf.neg(x) }), { x: spec(1) }),
      /both called x/,
    );
  });

  test("a program inside a program", async () => {
    const inner = () => recordFunction(() => ({ y: tf.scalar(1) }), {});
    await assert.rejects(
      compile(() => ({ y: (inner(), tf.scalar(1)) }), {}),
      /while another one is being recorded/,
    );
  });

  test("inputs that do not fit", async () => {
    const program = await compile(({ a, b }) => ({ y: tf.add(a.x, b) }), { a: { x: spec(2) }, b: spec() });
    const good = { a: { x: float32([2], 1, 2) }, b: float32([], 1) };
    await assert.rejects(
      program.run({ ...good, b: float32([1], 1) }),
      /b is float32 \[1\], not float32 \[\]/,
    );
    await assert.rejects(program.run({ b: good.b } as never), /a\/x is missing/);
    await assert.rejects(program.run({ ...good, c: good.b } as never), /c is not an input/);
    await assert.rejects(program.run({ ...good, a: { x: float32([2], 1) } }), /a\/x .* holds 1 elements/);
    await program.dispose();
  });

  test("a loss that is not finite, by the operation where it began", async () => {
    const fn = ({ x }: { x: tf.Tensor }) => ({ loss: tf.mean(tf.log(tf.sub(x, 1))) });
    const inputs = { x: float32([2], 2, 0.5) };
    await assert.rejects(assertFinite(fn, { x: spec(2) }, inputs), /Log of the kernel Log/);
    await assert.rejects(assertFinite(fn, { x: spec(2) }, inputs), here);
    await assert.rejects(
      assertFinite(fn, { x: spec(2) }, { x: float32([2], 3, NaN) }),
      /input x is NaN at element 1/,
    );
    await assertFinite(fn, { x: spec(2) }, { x: float32([2], 3, 4) });
  });
});

describe("devices", () => {
  test("the same seed and step draw the same dropout on every device", async () => {
    const x = float32([50, 40], ...Array<number>(2000).fill(1));
    const results: ProgramTensor[] = [];
    for (const device of ["cpu", "tfjs-cpu", "tfjs-wasm"] as Device[]) {
      const program = await compile(
        ({ x }) => ({ y: dropout(tf.add(dropout(x, 0.25), 1), 0.5), dx: tf.grad((x) => dropout(x, 0.1))(x) }),
        { x: spec(50, 40) },
        { device },
      );
      const noise = { seed: 7, step: 3 };
      const { y, dx } = await program.run({ x }, { noise });
      results.push(y);
      const kept = (dx.data as Float32Array).filter((value) => value !== 0);
      assert.ok(Math.abs(kept.length / 2000 - 0.9) < 0.03);
      assert.ok(kept.every((value) => Math.abs(value - 256 / 230) < 1e-6));
      assert.deepEqual((await program.run({ x }, { noise })).y.data, y.data);
      assert.notDeepEqual((await program.run({ x }, { noise: { seed: 7, step: 4 } })).y.data, y.data);
      assert.notDeepEqual((await program.run({ x }, { noise: { seed: 8, step: 3 } })).y.data, y.data);
      await assert.rejects(program.run({ x }), /noise/);
      await program.dispose();
    }
    for (const other of results.slice(1)) assert.deepEqual(other.data, results[0]!.data);
    assert.equal(tf.getBackend(), "cpu");
  });
});

test("runs at the same time draw masks of their own, and memory that is used again keeps nothing of them", async () => {
  const drop = new CompiledFunction(({ x }: { x: tf.Tensor }) => ({ y: dropout(x, 0.5) }));
  const ones = (size: number) => ({ x: float32([size], ...Array.from({ length: size }, () => 1)) });
  const draws = [0, 1, 2].map((step) => [ones(step === 1 ? 40 : 101), { noise: { seed: 3, step } }] as const);
  const together = await Promise.all(draws.map(([inputs, options]) => drop.run(inputs, options)));
  for (const [i, [inputs, options]] of draws.entries()) {
    const { y } = await drop.run(inputs, options);
    assert.deepEqual(y.data, together[i]!.y.data);
  }
  assert.notDeepEqual(together[0]!.y.data, together[2]!.y.data);
  await drop.dispose();
});
