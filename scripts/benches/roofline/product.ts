import * as tf from "@tensorflow/tfjs";
import { compile, type ProgramTensor } from "../../../src/engine";
import { Random } from "../../../src/random";

/** The rate of a large matrix product in ONNX Runtime, in 10⁹ operations a second: the best of a few in a row. */
export async function matrixProduct(threads: number) {
  const [m, k, n] = [2048, 512, 2048];
  const random = new Random(1);
  const floats = (...shape: [number, number]): ProgramTensor => {
    const data = Float32Array.from({ length: shape[0] * shape[1] }, () => 2 * random.uniform() - 1);
    return { dtype: "float32", shape, data };
  };
  const a = floats(m, k);
  const b = floats(k, n);
  const c: ProgramTensor = { dtype: "float32", shape: [m, n], data: new Float32Array(m * n) };
  const program = await compile(({ a, b }) => ({ c: tf.matMul(a, b) }), { a, b }, { threads });
  const rate = async () => {
    let best = Infinity;
    for (let i = 0; i < 6; i++) {
      const start = performance.now();
      await program.run({ a, b }, { into: { c } });
      best = Math.min(best, performance.now() - start);
    }
    return (2 * m * k * n) / best / 1e6;
  };
  await rate();
  return { rate, dispose: () => program.dispose() };
}
