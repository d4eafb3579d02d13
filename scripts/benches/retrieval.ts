import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { median } from "simple-statistics";
import { Bm25Index, TfidfIndex } from "../../src/retrieval";
import { benchTexts } from "../bench-texts";
import { type Bench, quick, repeat, round } from "./bench";

/** Queries answered before the clock starts, and timed ones. */
const warmUpQueries = 100;
const timedQueries = 400;
/** How often the queries are timed, ours and the peer's by turns: a slow minute of the machine slows both. */
const ROUNDS = 5;
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
        const peers = PYTHON
          ? await openPeers(PYTHON, join(folder, "texts.json"), texts, queries)
          : undefined;
        for (const { kind, name, peer, build } of kinds) {
          report(`${name}, ${size} documents`);
          let index = build(texts.slice(0, 10));
          const building = await repeat(1, () => (index = build(texts)), { warmUp: false });
          const search = (from: number, to: number) => {
            for (const query of queries.slice(from, to)) index.search(query, k);
          };
          search(0, warmUpQueries);
          const rounds: { own: Rate; theirs?: Rate }[] = [];
          for (let turn = 0; turn < ROUNDS; turn++) {
            const own = timedSearch(() => search(warmUpQueries, warmUpQueries + timedQueries));
            rounds.push({ own, ...(peers && { theirs: await peers.ask(peer) }) });
          }
          const path = join(folder, kind);
          index.save(path);
          const compared = rounds.flatMap(({ own, theirs }) => (theirs ? [{ own, theirs }] : []));
          rows.push({
            index: name,
            documents: size,
            buildMs: building.median,
            queriesPerSecond: round(median(rounds.map(({ own }) => own.queriesPerSecond))),
            queriesPerCpuSecond: round(median(rounds.map(({ own }) => own.queriesPerCpuSecond))),
            queriesPerSecondOnTwoThreads: await askOnThreads(2, { kind, path, queries }),
            indexMegabytes: round(index.byteLength / 1e6),
            ...(compared.length > 0 && {
              peer,
              peerQueriesPerSecond: round(median(compared.map(({ theirs }) => theirs.queriesPerSecond))),
              timesThePeer: round(
                median(compared.map(({ own, theirs }) => own.queriesPerSecond / theirs.queriesPerSecond)),
              ),
              byProcessor: round(
                median(
                  compared.map(({ own, theirs }) => own.queriesPerCpuSecond / theirs.queriesPerCpuSecond),
                ),
              ),
            }),
          });
        }
        peers?.close();
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

/** The rate of the timed queries, by the clock and by the processor. */
function timedSearch(search: () => void): Rate {
  const cpu = process.cpuUsage();
  const start = performance.now();
  search();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    queriesPerSecond: timedQueries / seconds,
    queriesPerCpuSecond: (timedQueries * 1e6) / (user + system),
  };
}

/** bm25s and scikit-learn with these documents, in a process that times its queries each time that it is asked. */
async function openPeers(
  python: string,
  file: string,
  documents: readonly string[],
  queries: readonly string[],
): Promise<{ ask: (peer: (typeof kinds)[number]["peer"]) => Promise<Rate>; close: () => void }> {
  const asked = queries.slice(0, warmUpQueries + timedQueries);
  writeFileSync(file, JSON.stringify({ documents, queries: asked, warmUp: warmUpQueries, k }));
  const child = spawn(python, [join(__dirname, "peers/retrieval.py"), file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<unknown> => {
    const { value, done } = (await lines.next()) as { value: string; done?: boolean };
    if (done) throw new Error(`${python} ended without an answer: has it bm25s, numba and scikit-learn?`);
    return JSON.parse(value) as unknown;
  };
  await read(); // both are built and warm
  return {
    ask: async (peer) => {
      child.stdin.write(`${peer}\n`);
      return (await read()) as Rate;
    },
    close: () => void child.kill(),
  };
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
