import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Bench, round } from "./bench";
import { matrixProduct } from "./roofline/product";

const THREADS = 2;
const ROUNDS = 5;
/** Of each of the two blocks that a thread reads. */
const BYTES = 192 * 2 ** 20;

const bench: Bench = {
  description:
    "what two threads of this machine can do at best: 10⁹ operations a second of a large float32 product in ONNX Runtime, and 10⁹ bytes a " +
    "second read from memory (two blocks compared by each thread); the best of several",
  async run(report) {
    report("products");
    const product = await matrixProduct(THREADS);
    const rates: number[] = [];
    for (let i = 0; i < ROUNDS; i++) rates.push(await product.rate());
    await product.dispose();
    report("memory");
    const bandwidths = await readMemory();
    const best = (what: string, unit: string, values: readonly number[]) => ({
      ...{ what, unit, best: round(Math.max(...values)), worst: round(Math.min(...values)) },
    });
    return {
      threads: THREADS,
      rows: [best("product", "GFLOP/s", rates), best("memory", "GB/s", bandwidths)],
    };
  },
};
export default bench;

/** 10⁹ bytes a second of all threads together, in each round. */
async function readMemory(): Promise<number[]> {
  const script = join(__dirname, "roofline/read-worker.mjs");
  const workerData = { bytes: BYTES };
  const workers = Array.from({ length: THREADS }, () => new Worker(script, { workerData }));
  const round = async () => {
    const start = performance.now();
    await Promise.all(
      workers.map((worker) => {
        const answer = once(worker, "message");
        worker.postMessage("read");
        return answer;
      }),
    );
    return (THREADS * 2 * BYTES) / (performance.now() - start) / 1e6;
  };
  await round(); // the threads start, and the blocks get their pages
  const bandwidths: number[] = [];
  for (let i = 0; i < ROUNDS; i++) bandwidths.push(await round());
  await Promise.all(workers.map((worker) => worker.terminate()));
  return bandwidths;
}
