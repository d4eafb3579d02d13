import { loadavg } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { compile, FrozenProgram, type ProgramTensor } from "../../src/engine";
import {
  int8,
  int8Blocks,
  linearChain,
  type NamedTensors,
  nf4,
  q4_0,
  q4_1,
  q8_0,
  type QuantizationScheme,
} from "../../src/models";
import { Random } from "../../src/random";
import { float32Tensor } from "../../src/tensors";
import { type Bench, type BenchResults, repeat, round } from "./bench";

/** The linear layers of SmolLM2-135M, [out, in]: gate and up, down, query and output. */
const SHAPES = [
  [1536, 576],
  [576, 1536],
  [576, 576],
] as const;
const ROWS = [1, 16, 256, 1024];
const RUNS = Number(process.env["QUANTIZATION_RUNS"] ?? 15);

/** `undefined` keeps weights as they are. Those for training have a gradient, those for generation hold their weights. */
const schemes: readonly { scheme: QuantizationScheme | undefined; use: "training" | "generation" }[] = [
  { scheme: undefined, use: "training" },
  { scheme: int8, use: "training" },
  { scheme: nf4, use: "training" },
  { scheme: undefined, use: "generation" },
  { scheme: int8Blocks, use: "generation" },
  { scheme: q8_0, use: "generation" },
  { scheme: q4_0, use: "generation" },
  { scheme: q4_1, use: "generation" },
];

const WEIGHT = "layer.weight";

const bench: Bench = {
  description:
    "one linear layer of SmolLM2-135M's shapes by every scheme: bits a weight, relative error of Gaussian weights, time forward and, " +
    "where there is a gradient, forward and backward. Times are the best of several runs; compare them within one run",
  async run(report) {
    const rows: BenchResults["rows"] = [];
    for (const [out, inputs] of SHAPES) {
      const weight = gaussian(out, inputs, 1);
      for (const { scheme, use } of schemes) {
        const name = scheme?.name ?? "float32";
        const tensors = scheme?.quantize(WEIGHT, weight) ?? { [WEIGHT]: weight };
        const bytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
        const error = scheme ? await relativeError(scheme, inputs) : 0;
        for (const count of ROWS) {
          report(`[${out}, ${inputs}], ${count} rows, ${name}, ${use}`);
          const x = gaussian(count, inputs, 2);
          const times =
            use === "training"
              ? await trainingTimes(scheme, tensors, x, gaussian(count, out, 3))
              : { forwardMs: await generationTime(scheme, tensors, x), forwardBackwardMs: null };
          rows.push({
            use,
            scheme: name,
            out,
            in: inputs,
            rows: count,
            bitsPerWeight: round((8 * bytes) / (out * inputs)),
            relativeError: round(error),
            ...times,
          });
        }
      }
    }
    return { rows, loadAverage: loadavg().map(round) };
  },
};
export default bench;

function gaussian(rows: number, columns: number, seed: number) {
  const random = new Random(seed);
  return float32Tensor(
    [rows, columns],
    Float32Array.from({ length: rows * columns }, () => random.normal()),
  );
}

const apply = (scheme: QuantizationScheme | undefined, tensors: NamedTensors, x: tf.Tensor) =>
  linearChain(tensors, ...(scheme ? [scheme.link(tensors)] : [])).apply(x as tf.Tensor2D, "layer");

/** Of weights that are inputs, as in training. The gradient is of Σ y · dy for a random dy. */
async function trainingTimes(
  scheme: QuantizationScheme | undefined,
  weights: Readonly<Record<string, ProgramTensor>>,
  x: ProgramTensor,
  dy: ProgramTensor,
): Promise<{ forwardMs: number; forwardBackwardMs: number }> {
  const inputs = { x, dy, weights };
  const forward = await compile(({ x, weights }) => ({ y: apply(scheme, weights, x) }), {
    x,
    weights,
  });
  const both = await compile(({ x, dy, weights }) => {
    const product = (x: tf.Tensor) => apply(scheme, weights, x);
    return { y: product(x), dx: tf.grad(product)(x, dy) };
  }, inputs);
  const forwardTime = await repeat(RUNS, () => forward.run({ x, weights }));
  const bothTime = await repeat(RUNS, () => both.run(inputs));
  await forward.dispose();
  await both.dispose();
  return { forwardMs: round(forwardTime.min), forwardBackwardMs: round(bothTime.min) };
}

/** Of a program that holds its weights. */
async function generationTime(
  scheme: QuantizationScheme | undefined,
  weights: Readonly<Record<string, ProgramTensor>>,
  x: ProgramTensor,
): Promise<number> {
  const program = await FrozenProgram.create(
    ({ x, weights }) => ({ y: apply(scheme, weights, x) }),
    { x, weights },
    { constantOf: (name) => weights[name.replace(/^weights\//, "")] },
  );
  const { min } = await repeat(RUNS, () => program.run({ x }, ["y"]));
  await program.dispose();
  return round(min);
}

/** ‖W − rounded W‖ / ‖W‖ of 64 rows of Gaussian weights, the rounded ones from a product with the identity matrix. */
async function relativeError(scheme: QuantizationScheme, inputs: number): Promise<number> {
  await tf.setBackend("cpu");
  const weight = gaussian(64, inputs, 4);
  return tf.tidy(() => {
    const tensors = Object.fromEntries(
      Object.entries(scheme.quantize(WEIGHT, weight)).map(([name, { dtype, shape, data }]) => [
        name,
        tf.tensor(Array.from(data as Float32Array), [...shape], dtype === "float32" ? "float32" : "int32"),
      ]),
    );
    const rounded = tf.transpose(apply(scheme, tensors, tf.eye(inputs)));
    const exact = tf.tensor2d(weight.data, [64, inputs]);
    return tf.div(tf.norm(tf.sub(rounded, exact)), tf.norm(exact)).dataSync()[0]!;
  });
}
