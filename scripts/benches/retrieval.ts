import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Bm25Index, TfidfIndex } from "../../src/retrieval";
import { benchTexts } from "../bench-texts";
import { type Bench, quick, repeat, round } from "./bench";

/** Queries answered before the clock starts, and timed ones. */
const warmUpQueries = 100;
const timedQueries = 400;
const k = 5;
/** A Python with bm25s, numba and scikit-learn. */
const PYTHON = process.env["PYTHON"];

const kinds = [
  { kind: "bm25", name: "bm25", peer: "bm25s", build: (texts: string[]) => Bm25Index.build(texts) },
  {
    kind: "tfidf",
    name: "tfidf char 3–5",
    peer: "scikit-learn",
    build: (texts: string[]) => TfidfIndex.build(texts),
  },
] as const;

interface Rate {
  queriesPerSecond: number;
  queriesPerCpuSecond: number;
}

const bench: Bench = {
  description:
    "building TF-IDF (characters 3–5) and BM25 over persona pairs; queries a second (k = 5), asked one by one on one thread, and on two; memory; " +
    "beside bm25s (numba) and scikit-learn, on one thread, where PYTHON names an environment that has them",
  async run(report) {
    const { source, documents, queries } = await benchTexts(20_000);
    const folder = mkdtempSync(join(tmpdir(), "bench-retrieval-"));
    try {
      const rows = [];
      for (const size of quick ? [documents.length] : [1000, 2000, 5000, 10_000, documents.length]) {
        const texts = documents.slice(0, size);
        const peers = PYTHON ? askPeers(PYTHON, join(folder, "texts.json"), texts, queries) : undefined;
        for (const { kind, name, peer, build } of kinds) {
          report(`${name}, ${size} documents`);
          let index = build(texts.slice(0, 10));
          const building = await repeat(1, () => (index = build(texts)), { warmUp: false });
          const search = (from: number, to: number) => {
            for (const query of queries.slice(from, to)) index.search(query, k);
          };
          search(0, warmUpQueries);
          const cpu = process.cpuUsage();
          const asking = await repeat(1, () => search(warmUpQueries, warmUpQueries + timedQueries), {
            warmUp: false,
          });
          const { user, system } = process.cpuUsage(cpu);
          const own: Rate = {
            queriesPerSecond: round((timedQueries * 1000) / asking.median),
            queriesPerCpuSecond: round((timedQueries * 1e6) / (user + system)),
          };
          const path = join(folder, kind);
          index.save(path);
          rows.push({
            index: name,
            documents: size,
            buildMs: building.median,
            ...own,
            queriesPerSecondOnTwoThreads: await askOnThreads(2, { kind, path, queries }),
            indexMegabytes: round(index.byteLength / 1e6),
            ...(peers && {
              peer,
              peerQueriesPerSecond: peers[peer].queriesPerSecond,
              timesThePeer: round(own.queriesPerSecond / peers[peer].queriesPerSecond),
              byProcessor: round(own.queriesPerCpuSecond / peers[peer].queriesPerCpuSecond),
            }),
          });
        }
      }
      return {
        source,
        rows,
        peakResidentMegabytes: round(process.resourceUsage().maxRSS / 1e3),
        peer: PYTHON ? "bm25s and scikit-learn" : "set PYTHON",
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

function askPeers(
  python: string,
  file: string,
  documents: readonly string[],
  queries: readonly string[],
): Record<"bm25s" | "scikit-learn", Rate> {
  const asked = queries.slice(0, warmUpQueries + timedQueries);
  writeFileSync(file, JSON.stringify({ documents, queries: asked, warmUp: warmUpQueries, k }));
  const printed = execFileSync(python, [join(__dirname, "peers/retrieval.py"), file], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed.trim().split("\n").at(-1)!) as Record<"bm25s" | "scikit-learn", Rate>;
}

/** Queries a second of worker threads that answer the timed queries together, each its share, from an index in a file. */
async function askOnThreads(
  threads: number,
  { kind, path, queries }: { kind: string; path: string; queries: readonly string[] },
): Promise<number> {
  const timed = queries.slice(warmUpQueries, warmUpQueries + timedQueries);
  const workers = Array.from({ length: threads }, (_, at) => {
    const share = timed.filter((_, i) => i % threads === at);
    const file = JSON.stringify(join(__dirname, "children/retrieval-worker.ts"));
    const bootstrap = `require("tsx/cjs"); require(${file});`; // a thread has no loader for TypeScript by itself
    return new Worker(bootstrap, { eval: true, workerData: { kind, path, queries: share, k } });
  });
  const all = () =>
    Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.once("message", resolve);
            worker.once("error", reject);
          }),
      ),
    );
  try {
    await all();
    const start = performance.now();
    const answered = all();
    for (const worker of workers) worker.postMessage("ask");
    await answered;
    return round((timed.length * 1000) / (performance.now() - start));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
