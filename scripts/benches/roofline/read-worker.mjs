// Compares two equal blocks of memory, larger than any cache, again and again: answers each message with the seconds that one reading of
// both took.
import { parentPort, workerData } from "node:worker_threads";

const { bytes } = workerData;
const [one, other] = [Buffer.alloc(bytes, 7), Buffer.alloc(bytes, 7)];
parentPort.on("message", () => {
  const start = performance.now();
  if (one.compare(other) !== 0) throw new Error("the blocks differ");
  parentPort.postMessage((performance.now() - start) / 1000);
});
