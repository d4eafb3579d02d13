import * as tf from "@tensorflow/tfjs";
import { compile, computesMasks, type CompileOptions } from "./compile";
import { defaultDevice } from "./devices";
import { EngineError } from "./errors";
import { attend, crossEntropy, gatherRows, gelu, linearCrossEntropy, rmsNorm } from "./ops";
import type { ProgramTensor, TensorSpec } from "./tensors";

const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
const int32 = (length: number) => ({ dtype: "int32", shape: [length] }) as const;

/** An operation with the inputs of one try: gradients are for those that are float32. */
interface Try {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly op: (inputs: Record<string, tf.Tensor>) => tf.Tensor;
}

const ROWS = 6;
const WIDTH = 36;

/** The operations with gradients of their own. Whole numbers are row numbers, so that each names another row. */
const tries: Readonly<Record<string, Try>> = {
  rmsNorm: {
    inputs: { x: float32(ROWS, WIDTH), weight: float32(WIDTH) },
    op: ({ x, weight }) => rmsNorm(x as tf.Tensor2D, weight!, 1e-6),
  },
  gelu: { inputs: { x: float32(ROWS, WIDTH) }, op: ({ x }) => gelu(x!) },
  attend: {
    inputs: {
      query: float32(2, 2, ROWS, WIDTH),
      key: float32(2, 2, ROWS, WIDTH),
      value: float32(2, 2, ROWS, WIDTH),
      bias: float32(1, 2, ROWS, ROWS),
    },
    op: ({ query, key, value, bias }) =>
      attend(query as tf.Tensor4D, key as tf.Tensor4D, value as tf.Tensor4D, bias!, 0.25),
  },
  gatherRows: {
    inputs: { x: float32(ROWS, WIDTH), index: int32(ROWS), inverse: int32(ROWS) },
    op: ({ x, index, inverse }) => gatherRows(x as tf.Tensor2D, index as tf.Tensor1D, inverse as tf.Tensor1D),
  },
  linearCrossEntropy: {
    inputs: { x: float32(ROWS, WIDTH), weight: float32(ROWS, WIDTH), labels: int32(ROWS) },
    op: ({ x, weight, labels }) =>
      linearCrossEntropy(x as tf.Tensor2D, weight as tf.Tensor2D, labels as tf.Tensor1D, 0.1),
  },
  crossEntropy: {
    inputs: { logits: float32(ROWS, WIDTH), labels: int32(ROWS) },
    op: ({ logits, labels }) => crossEntropy(logits as tf.Tensor2D, labels as tf.Tensor1D, 0.1),
  },
};

/** How far a result may be off, as a share of its largest element: products in 16 or 19 bits pass, wrong formulas do not. */
const TOLERANCE = 0.01;

/**
 * Compares the gradients of the operations that models are made of with those of ONNX Runtime's cpu. A device that computes
 * one of them otherwise would train to something else without an error.
 *
 * @throws {EngineError} that names the device, the operation and the difference, or says why the device cannot be had
 */
export async function checkGradients(options: CompileOptions): Promise<void> {
  const { device = defaultDevice() } = options;
  if (device === "cpu") return;
  const masks = computesMasks(options) ? "computed" : "drawn";
  for (const [op, { inputs: specs, op: run }] of Object.entries(tries)) {
    const inputs = Object.fromEntries(
      Object.entries(specs).map(([name, spec], i) => [name, numbers(spec, i)]),
    );
    const results = async (options: CompileOptions) => {
      const program = await compile((tensors) => valueAndGradients(run, tensors), specs, options);
      try {
        return (await program.run(inputs, { noise: { seed: 0, step: 0 } })) as Record<string, ProgramTensor>;
      } finally {
        await program.dispose();
      }
    };
    const [expected, actual] = [await results({ device: "cpu", masks }), await results(options)];
    for (const [what, { data }] of Object.entries(expected)) {
      const largest = Math.max(...Array.from(data, (value) => Math.abs(Number(value))));
      const off = Math.max(
        ...Array.from(data, (value, i) => Math.abs(Number(value) - Number(actual[what]!.data[i]))),
      );
      if (off <= TOLERANCE * largest) continue;
      throw new EngineError(
        `${device} must not train: the ${what} of ${op} is off by ${off.toPrecision(2)} there, where its largest element is ` +
          `${largest.toPrecision(2)} on ONNX Runtime's cpu.\nTrain on the cpu (device cpu), or try ` +
          "another driver or another version of the package that computes.",
      );
    }
  }
}

/** The value of an operation, and its gradients for a dy that differs from element to element. */
function valueAndGradients(op: Try["op"], tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  const names = Object.keys(tensors).filter((name) => tensors[name]!.dtype === "float32");
  const at = (values: readonly tf.Tensor[]) =>
    op({ ...tensors, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) });
  const given = names.map((name) => tensors[name]!);
  const value = at(given);
  const dy = tf.reshape(tf.range(1, 1 + value.size, 1, "float32"), value.shape);
  const gradients = tf.grads((...values: tf.Tensor[]) => at(values))(given, tf.div(dy, value.size));
  return {
    result: value,
    ...Object.fromEntries(names.map((name, i) => [`gradient for ${name}`, gradients[i]!])),
  };
}

/** Numbers between −1 and 1 without a pattern; of whole numbers, each row number once. */
function numbers({ dtype, shape }: TensorSpec, which: number): ProgramTensor {
  const size = shape.reduce((product, length) => product * length, 1);
  if (dtype === "int32")
    return { dtype, shape, data: Int32Array.from({ length: size }, (_, i) => size - 1 - i) };
  return {
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: size }, (_, i) => Math.sin(i * i + 3 * i + which + 0.5)),
  };
}
