import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import { recordableKernels } from "../../src/engine/recorder";
import type { ProgramTensor } from "../../src/engine/tensors";
import { Random } from "../../src/random/random";
import { on } from "./device";

/** Tensors of one try, as a case draws them. */
type Draw = (random: Random) => ProgramTensor[];
type Op = (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
const floats = (random: Random, shape: number[], low = -2, high = 2): ProgramTensor => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: size(shape) }, () => low + (high - low) * random.uniform()),
});
const ints = (random: Random, shape: number[], low = -5, high = 5): ProgramTensor => ({
  dtype: "int32",
  shape,
  data: Int32Array.from({ length: size(shape) }, () => low + random.integer(high - low + 1)),
});
const bools = (random: Random, shape: number[]): ProgramTensor => ({
  dtype: "bool",
  shape,
  data: Uint8Array.from({ length: size(shape) }, () => random.integer(2)),
});
/** Floats that lie apart from each other and from 0, so that finite differences cross no kink and no tie. */
const apart = (random: Random, shape: number[]): ProgramTensor => {
  const places = random.shuffle(Array.from({ length: size(shape) }, (_, i) => i));
  const data = Float32Array.from(places, (place) => (place + 0.5) * 0.17 * (random.integer(2) ? 1 : -1));
  return { dtype: "float32", shape, data };
};

const shapes: Draw[] = [[], [1], [4], [2, 3], [3, 1, 2], [0, 3], [2, 1, 3, 2]].map((shape) => (random) => [
  floats(random, shape),
]);
const one = (make: (random: Random, shape: number[]) => ProgramTensor): Draw[] =>
  [[], [1], [5], [2, 3], [0, 2], [2, 1, 3]].map((shape) => (random) => [make(random, shape)]);
/** Pairs of shapes that broadcast. */
const pairs = (make: (random: Random, shape: number[]) => ProgramTensor): Draw[] =>
  (
    [
      [[], []],
      [[3], [3]],
      [[2, 3], [3]],
      [
        [1, 3],
        [2, 1],
      ],
      [[], [2, 2]],
      [
        [4, 1, 2],
        [3, 1],
      ],
      [
        [0, 2],
        [0, 2],
      ],
    ] as [number[], number[]][]
  ).map(([a, b]) => (random) => [make(random, a), make(random, b)]);

interface Case {
  op: Op;
  draws: Draw[];
  /**
   * Whether the gradients are compared with finite differences.
   * @default where all inputs are float32
   */
  gradient?: boolean;
}

const positive = (random: Random, shape: number[]) => floats(random, shape, 0.3, 3);
/** Pairs of one shape: TensorFlow.js' own gradients of some operations do not sum over broadcast dimensions. */
const equals = [[], [1], [4], [2, 3]].map((shape): Draw => (random) => [
  floats(random, shape),
  floats(random, shape),
]);
const reductions: Draw[] = [[4], [2, 3], [3, 1, 2], [2, 3, 2]].map((shape) => (random) => [
  apart(random, shape),
]);

const cases: Record<string, Case> = {
  add: { op: (a, b) => tf.add(a!, b!), draws: pairs(floats) },
  "add int32": { op: (a, b) => tf.add(a!, b!), draws: pairs(ints) },
  "add zero": { op: (a) => tf.add(a!, tf.zeros([2, 3])), draws: [(random) => [floats(random, [3])]] },
  sub: { op: (a, b) => tf.sub(a!, b!), draws: pairs(floats) },
  "sub int32": { op: (a, b) => tf.sub(a!, b!), draws: pairs(ints) },
  mul: { op: (a, b) => tf.mul(a!, b!), draws: pairs(floats) },
  "mul int32": { op: (a, b) => tf.mul(a!, b!), draws: pairs(ints) },
  "mul one": { op: (a) => tf.mul(tf.ones([2, 3]), a!), draws: [(random) => [floats(random, [2, 1])]] },
  div: { op: (a, b) => tf.div(a!, b!), draws: pairs(positive) },
  floorDiv: {
    op: (a, b) => tf.floorDiv(a!, b!),
    draws: pairs((random, shape) => {
      const drawn = ints(random, shape, 1, 5);
      return {
        ...drawn,
        data: (drawn.data as Int32Array).map((value) => (random.integer(2) ? value : -value)),
      };
    }),
  },
  maximum: { op: (a, b) => tf.maximum(a!, b!), draws: equals },
  "maximum broadcast": { op: (a, b) => tf.maximum(a!, b!), draws: pairs(floats), gradient: false },
  "maximum int32": { op: (a, b) => tf.maximum(a!, b!), draws: pairs(ints) },
  minimum: { op: (a, b) => tf.minimum(a!, b!), draws: equals },
  "minimum broadcast": { op: (a, b) => tf.minimum(a!, b!), draws: pairs(floats), gradient: false },
  "add to nothing": {
    op: (a, b) => tf.add(a!, b!),
    draws: [(random) => [floats(random, [0, 2]), floats(random, [1, 2])]],
    gradient: false,
  },
  pow: { op: (a, b) => tf.pow(a!, b!), draws: pairs(positive) },
  squaredDifference: { op: (a, b) => tf.squaredDifference(a!, b!), draws: equals },
  "squaredDifference broadcast": {
    op: (a, b) => tf.squaredDifference(a!, b!),
    draws: pairs(floats),
    gradient: false,
  },
  addN: {
    op: (...all) => tf.addN(all),
    draws: [
      (random) => [floats(random, [2, 3]), floats(random, [2, 3]), floats(random, [2, 3])],
      (random) => [floats(random, [2])],
    ],
  },
  equal: { op: (a, b) => tf.equal(a!, b!), draws: [...pairs(ints), ...pairs(bools)] },
  notEqual: { op: (a, b) => tf.notEqual(a!, b!), draws: pairs(ints) },
  greater: {
    op: (a, b) => tf.greater(a!, b!),
    draws: [...pairs(ints), ...pairs(floats), ...pairs(bools)],
    gradient: false,
  },
  greaterEqual: { op: (a, b) => tf.greaterEqual(a!, b!), draws: pairs(ints) },
  less: { op: (a, b) => tf.less(a!, b!), draws: pairs(ints) },
  lessEqual: { op: (a, b) => tf.lessEqual(a!, b!), draws: pairs(ints) },
  logicalAnd: { op: (a, b) => tf.logicalAnd(a!, b!), draws: pairs(bools) },
  logicalOr: { op: (a, b) => tf.logicalOr(a!, b!), draws: pairs(bools) },
  logicalNot: { op: (x) => tf.logicalNot(x!), draws: one(bools) },
  isNaN: { op: (x) => tf.isNaN(tf.log(x!)), draws: one(floats), gradient: false },
  isInf: { op: (x) => tf.isInf(tf.div(1, tf.floor(x!))), draws: one(floats), gradient: false },
  isFinite: { op: (x) => tf.isFinite(tf.div(1, tf.floor(x!))), draws: one(floats), gradient: false },

  abs: { op: (x) => tf.abs(x!), draws: one(apart) },
  "abs int32": { op: (x) => tf.abs(x!), draws: one(ints) },
  ceil: { op: (x) => tf.ceil(x!), draws: one(apart), gradient: false },
  clipByValue: { op: (x) => tf.clipByValue(x!, -0.5, 0.5), draws: one(apart) },
  cos: { op: (x) => tf.cos(x!), draws: shapes },
  erf: { op: (x) => tf.erf(x!), draws: shapes },
  exp: { op: (x) => tf.exp(x!), draws: shapes },
  floor: { op: (x) => tf.floor(x!), draws: one(apart), gradient: false },
  log: { op: (x) => tf.log(x!), draws: one(positive) },
  neg: { op: (x) => tf.neg(x!), draws: [...shapes, ...one(ints)] },
  reciprocal: { op: (x) => tf.reciprocal(x!), draws: one(positive) },
  relu: { op: (x) => tf.relu(x!), draws: one(apart) },
  round: { op: (x) => tf.round(x!), draws: one(apart), gradient: false },
  rsqrt: { op: (x) => tf.rsqrt(x!), draws: one(positive) },
  sigmoid: { op: (x) => tf.sigmoid(x!), draws: shapes },
  sign: { op: (x) => tf.sign(x!), draws: one(apart), gradient: false },
  sin: { op: (x) => tf.sin(x!), draws: shapes },
  softplus: { op: (x) => tf.softplus(x!), draws: shapes },
  sqrt: { op: (x) => tf.sqrt(x!), draws: one(positive) },
  square: { op: (x) => tf.square(x!), draws: [...shapes, ...one(ints)] },
  step: { op: (x) => tf.step(x!), draws: one(apart), gradient: false },
  "step 0.3": { op: (x) => tf.step(x!, 0.3), draws: one(apart), gradient: false },
  tanh: { op: (x) => tf.tanh(x!), draws: shapes },
  clone: { op: (x) => tf.add(x!.clone(), tf.clone(x!)), draws: shapes },
  "cast to int32": {
    op: (x) => tf.cast(x!, "int32"),
    draws: [...one(floats), ...one(bools)],
    gradient: false,
  },
  "cast to float32": { op: (x) => tf.cast(x!, "float32"), draws: [...one(ints), ...one(bools)] },
  "cast to bool": { op: (x) => tf.cast(x!, "bool"), draws: [...one(ints), ...one(floats)], gradient: false },
  where: {
    op: (a, b, c) => tf.where(tf.greater(c!, 0), a!, b!),
    draws: [
      (random) => [floats(random, [2, 3]), floats(random, [2, 3]), apart(random, [2, 3])],
      (random) => [floats(random, [2, 3]), floats(random, []), apart(random, [3])],
      (random) => [floats(random, [1]), floats(random, [3, 1]), apart(random, [1])],
    ],
    gradient: false,
  },
  "where with fill": {
    op: (a) => tf.where(tf.greater(a!, 0), a!, tf.fill([2, 3], 7)),
    draws: [(random) => [apart(random, [2, 3])]],
    gradient: false,
  },

  sum: { op: (x) => tf.sum(x!), draws: [...shapes, ...one(ints), ...one(bools)] },
  "sum axis": { op: (x) => tf.sum(x!, -1), draws: reductions },
  "sum keep": {
    op: (x) => tf.sum(x!, 0, true),
    draws: [...reductions, (random) => [floats(random, [0, 3])]],
  },
  mean: { op: (x) => tf.mean(x!, -1, true), draws: reductions },
  "mean int32": { op: (x) => tf.mean(x!, 0), draws: [(random) => [ints(random, [4, 2])]] },
  max: { op: (x) => tf.max(x!, -1), draws: reductions },
  "max int32": { op: (x) => tf.max(x!), draws: [(random) => [ints(random, [4, 2])]] },
  min: { op: (x) => tf.min(x!, 0), draws: reductions },
  prod: { op: (x) => tf.prod(x!, -1), draws: reductions, gradient: false },
  all: { op: (x) => tf.all(x!, -1), draws: [(random) => [bools(random, [4, 2])]] },
  any: { op: (x) => tf.any(x!), draws: [(random) => [bools(random, [4, 2])]] },
  argMax: { op: (x) => tf.argMax(x!, -1), draws: reductions, gradient: false },
  argMin: { op: (x) => tf.argMin(x!, 0), draws: reductions, gradient: false },
  cumsum: { op: (x) => tf.cumsum(x!, x!.rank - 1), draws: reductions, gradient: false },
  "cumsum exclusive reverse": { op: (x) => tf.cumsum(x!, 0, true, true), draws: reductions, gradient: false },
  "cumsum of a list": { op: (x) => tf.cumsum(x!, 0, true), draws: [(random) => [floats(random, [5])]] },
  softmax: { op: (x) => tf.softmax(x!), draws: reductions },
  logSoftmax: { op: (x) => tf.logSoftmax(x!), draws: reductions },
  logSumExp: { op: (x) => tf.logSumExp(x!, -1), draws: reductions },

  reshape: { op: (x) => tf.reshape(x!, [-1]), draws: [(random) => [floats(random, [2, 3])]] },
  "reshape twice": {
    op: (x) => tf.reshape(tf.reshape(x!, [3, 2]), [6, 1]),
    draws: [(random) => [floats(random, [2, 3])], (random) => [ints(random, [6])]],
  },
  expandDims: {
    op: (x) => tf.expandDims(x!, -1),
    draws: [(random) => [floats(random, [2, 3])], (random) => [floats(random, [])]],
  },
  squeeze: { op: (x) => tf.squeeze(x!, [1]), draws: [(random) => [floats(random, [2, 1, 3])]] },
  transpose: {
    op: (x) => tf.transpose(x!, [2, 0, 1]),
    draws: [
      [2, 3, 4],
      [1, 3, 4],
      [2, 3, 1],
      [0, 2, 3],
      [1, 1, 1],
    ].map((shape) => (random) => [floats(random, shape)]),
  },
  broadcastTo: { op: (x) => tf.broadcastTo(x!, [4, 2, 3]), draws: [(random) => [floats(random, [2, 1])]] },
  fill: { op: (x) => tf.mul(x!, tf.fill([2, 3], 4)), draws: [(random) => [floats(random, [3])]] },
  "fill alone": {
    op: (x) => tf.concat([x!, tf.fill([2, 3], 4)], 0),
    draws: [(random) => [floats(random, [1, 3])]],
  },
  zerosLike: { op: (x) => tf.maximum(x!, tf.zerosLike(x!)), draws: one(apart) },
  onesLike: { op: (x) => tf.sub(tf.onesLike(x!), x!), draws: shapes },
  range: {
    op: (x) => tf.mul(x!, tf.range(0, 3, 1, "float32")),
    draws: [(random) => [floats(random, [2, 3])]],
  },
  concat: {
    op: (a, b) => tf.concat([a!, b!], -1),
    draws: [
      (random) => [floats(random, [2, 3]), floats(random, [2, 1])],
      (random) => [floats(random, [2, 0]), floats(random, [2, 2])],
      (random) => [ints(random, [2]), ints(random, [3])],
    ],
  },
  stack: {
    op: (a, b) => tf.stack([a!, b!], 1),
    draws: [(random) => [floats(random, [2, 3]), floats(random, [2, 3])]],
  },
  unstack: { op: (x) => tf.unstack(x!, 1), draws: [(random) => [floats(random, [2, 3])]] },
  split: { op: (x) => tf.split(x!, [1, 2], -1), draws: [(random) => [floats(random, [2, 3])]] },
  "split evenly": { op: (x) => tf.split(x!, 2), draws: [(random) => [floats(random, [4, 3])]] },
  slice: {
    op: (x) => tf.slice(x!, [1, 0], [1, -1]),
    draws: [(random) => [floats(random, [3, 2])], (random) => [ints(random, [2, 4])]],
  },
  tile: {
    op: (x) => tf.tile(x!, [2, 3]),
    draws: [
      [2, 2],
      [1, 2],
      [1, 1],
    ].map((shape) => (random) => [floats(random, shape)]),
  },
  pad: {
    op: (x) =>
      tf.pad(
        x!,
        [
          [1, 0],
          [0, 2],
        ],
        0.5,
      ),
    draws: [(random) => [floats(random, [2, 3])]],
  },
  reverse: { op: (x) => tf.reverse(x!, -1), draws: [(random) => [floats(random, [2, 3])]] },

  ...Object.fromEntries(
    [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) => {
        const name = `matMul${transposeA ? " aᵀ" : ""}${transposeB ? " bᵀ" : ""}`;
        const flip = (shape: number[], flipped: boolean) =>
          flipped ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
        const sizes: [number[], number[]][] = [
          [
            [2, 3],
            [3, 4],
          ],
          [
            [1, 1],
            [1, 1],
          ],
          [
            [5, 2, 3],
            [5, 3, 1],
          ],
          [
            [2, 1, 3, 2],
            [2, 1, 2, 3],
          ],
        ];
        const draws = sizes.map(([a, b]): Draw => (random) => [
          floats(random, flip(a, transposeA)),
          floats(random, flip(b, transposeB)),
        ]);
        return [name, { op: (a, b) => tf.matMul(a!, b!, transposeA, transposeB), draws } satisfies Case];
      }),
    ),
  ),
  "matMul without rows": {
    op: (a, b) => tf.matMul(a!, b!),
    draws: [(random) => [floats(random, [0, 3]), floats(random, [3, 2])]],
  },
  "matMul broadcast": {
    op: (a, b) => tf.matMul(a!, b!),
    draws: [(random) => [floats(random, [1, 2, 3]), floats(random, [4, 3, 2])]],
    gradient: false,
  },

  gather: {
    op: (x) =>
      tf.gather(
        x!,
        tf.tensor2d(
          [
            [2, 0],
            [2, 1],
          ],
          [2, 2],
          "int32",
        ),
      ),
    draws: [(random) => [floats(random, [3, 2])], (random) => [ints(random, [4])]],
  },
  "gather axis": {
    op: (x) => tf.gather(x!, tf.tensor1d([1, 1, 0, 2], "int32"), -1),
    draws: [(random) => [floats(random, [2, 3])]],
  },
  gatherND: {
    op: (x) =>
      tf.gatherND(
        x!,
        tf.tensor2d(
          [
            [1, 0],
            [0, 2],
          ],
          [2, 2],
          "int32",
        ),
      ),
    draws: [(random) => [floats(random, [2, 3])]],
    gradient: false,
  },
  scatterND: {
    op: (x) => tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], "int32"), x!, [4, 2]),
    draws: [(random) => [floats(random, [3, 2])]],
    gradient: false,
  },
  unsortedSegmentSum: {
    op: (x) => tf.unsortedSegmentSum(x!, tf.tensor1d([1, 0, 1], "int32"), 3),
    draws: [(random) => [floats(random, [3, 2])]],
  },
  oneHot: {
    op: (x) => tf.oneHot(x as tf.Tensor1D, 4),
    draws: [(random) => [ints(random, [5], -1, 5)], (random) => [ints(random, [1])]],
  },
  "oneHot with values": {
    op: (x) => tf.oneHot(x as tf.Tensor1D, 3, 5, -2),
    draws: [(random) => [ints(random, [5])]],
  },
  topk: {
    op: (x) => {
      const { values, indices } = tf.topk(x!, 2);
      return [values, indices];
    },
    draws: [(random) => [apart(random, [3, 4])], (random) => [ints(random, [6], 0, 2)]],
    gradient: false,
  },
};

/** Values in a group, by their places. */
const numbered = <T>(all: readonly T[]): Record<string, T> => Object.fromEntries(all.entries());
const list = (result: tf.Tensor | tf.Tensor[]) => (Array.isArray(result) ? result : [result]);
const tensorOf = ({ data, shape, dtype }: ProgramTensor) =>
  tf.tensor(data as Float32Array, [...shape], dtype as "float32");
const values = (tensor: tf.Tensor) => Array.from(tensor.dataSync());

/** A number that depends on every element of every result, each with its own weight. */
function weigh(results: tf.Tensor[]): tf.Scalar {
  const parts = results.map((result) => {
    const weights = tf.cos(tf.range(1, 1 + result.size, 1, "float32"));
    return tf.sum(tf.mul(tf.reshape(result, [-1]), weights));
  });
  return tf.addN(parts) as tf.Scalar;
}

/** Central differences of `f` at `inputs`, in the order of all elements. */
function differences(f: (inputs: tf.Tensor[]) => number, inputs: ProgramTensor[]): number[] {
  const h = 1e-2;
  return inputs.flatMap((input, which) =>
    Array.from(input.data as Float32Array, (_, place) => {
      const at = (shift: number) => {
        const moved = inputs.map((other) =>
          tensorOf({ ...other, data: Float32Array.from(other.data as Float32Array) }),
        );
        const data = Float32Array.from(input.data as Float32Array);
        data[place]! += shift;
        moved[which] = tensorOf({ ...input, data });
        return f(moved);
      };
      return (8 * (at(h / 2) - at(-h / 2)) - (at(h) - at(-h))) / (6 * h);
    }),
  );
}

function assertNear(
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((value, i) => {
    const near =
      Object.is(value, actual[i]) || Math.abs(value - actual[i]!) <= tolerance * Math.max(1, Math.abs(value));
    assert.ok(near, `${what}: element ${i} is ${actual[i]}, not ${value}`);
  });
}

describe("kernels as ONNX operations equal TensorFlow.js' cpu backend", () => {
  const seen = new Set<string>();
  const engine = tf.engine();
  const runKernel = engine.runKernel.bind(engine);
  before(async () => {
    await tf.setBackend("cpu");
    engine.runKernel = (name, ...rest) => {
      if (engine.backendName !== "cpu") seen.add(name);
      return runKernel(name, ...rest) as never;
    };
  });
  after(() => {
    engine.runKernel = runKernel;
  });

  // All draws of a case are one program, because making and freeing one takes longer than all that it computes here.
  for (const [name, { op, draws, gradient }] of Object.entries(cases)) {
    test(name, async () => {
      const tries = draws.map((draw, round) => {
        const inputs = draw(new Random(100 + round));
        const of = inputs.map(({ dtype, shape }) => `${dtype} [${shape.join()}]`).join(", ");
        const differentiate = gradient ?? inputs.every(({ dtype }) => dtype === "float32");
        return { inputs, where: `${name} of ${of}`, differentiate };
      });
      const named = numbered(tries.map(({ inputs }) => numbered(inputs)));
      const program = await compile(
        (tensors) =>
          numbered(
            Object.values(tensors).map((group, round) => {
              const xs = Object.values(group);
              const y = numbered(list(op(...xs)));
              const gradients = () => tf.grads((...xs: tf.Tensor[]) => weigh(list(op(...xs))))(xs);
              return { y, dx: numbered(tries[round]!.differentiate ? gradients() : []) };
            }),
          ),
        named,
        on("cpu"),
      );
      const outputs = await program.run(named);
      await program.dispose();
      tf.tidy(() => {
        for (const [round, { inputs, where, differentiate }] of tries.entries()) {
          const { y, dx } = outputs[round]!;
          list(op(...inputs.map(tensorOf))).forEach((expected, i) => {
            const actual = y[i]!;
            assert.deepEqual(actual.shape, expected.shape, where);
            assert.equal(actual.dtype, expected.dtype, where);
            assertNear(actual.data as Float32Array, values(expected), 2e-6, where);
          });
          if (!differentiate) continue;
          const f = (xs: tf.Tensor[]) => values(weigh(list(op(...xs))))[0]!;
          const actual = inputs.flatMap((_, i) => Array.from(dx[i]!.data as Float32Array));
          assertNear(actual, differences(f, inputs), 4e-3, `gradient of ${where}`);
        }
      });
    });
  }

  test("every kernel that can be recorded was tried, and the table of kernels names it", () => {
    assert.deepEqual(
      recordableKernels().filter((name) => !seen.has(name)),
      [],
    );
    const table = readFileSync(join(__dirname, "../../src/engine/README.md"), "utf8");
    const named = [...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);
    assert.deepEqual(named, recordableKernels());
  });
});
