// A worker thread of the bench retrieval: answers its queries from an index that was saved to a file.
import { parentPort, workerData } from "node:worker_threads";
import { Bm25Index, TfidfIndex } from "../../../src/retrieval";

const { kind, path, queries, k } = workerData as {
  kind: "bm25" | "tfidf";
  path: string;
  queries: readonly string[];
  k: number;
};
const index = kind === "bm25" ? Bm25Index.load(path) : TfidfIndex.load(path);
const ask = () => queries.forEach((query) => index.search(query, k));
ask(); // until it is compiled
parentPort!.on("message", () => {
  ask();
  parentPort!.postMessage("answered");
});
parentPort!.postMessage("ready");
