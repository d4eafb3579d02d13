import { Bm25Index, TfidfIndex } from "../../src/retrieval";
import { benchTexts } from "../bench-texts";
import { repeat, round, type Bench } from "./bench";

/** Queries answered before the clock starts, and timed ones. */
const warmUpQueries = 100;
const timedQueries = 400;

const bench: Bench = {
  description:
    "building TF-IDF (characters 3–5) and BM25 over persona pairs; queries a second (k = 5); memory",
  async run(report) {
    const { source, documents, queries } = await benchTexts(20_000);
    const rows = [];
    for (const size of [1000, 2000, 5000, 10_000, documents.length]) {
      for (const [name, build] of [
        ["bm25", (texts: string[]) => Bm25Index.build(texts)],
        ["tfidf char 3–5", (texts: string[]) => TfidfIndex.build(texts)],
      ] as const) {
        report(`${name}, ${size} documents`);
        const texts = documents.slice(0, size);
        let index = build(texts.slice(0, 10));
        const building = await repeat(1, () => (index = build(texts)), { warmUp: false });
        const search = (from: number, to: number) => {
          for (const query of queries.slice(from, to)) index.search(query, 5);
        };
        search(0, warmUpQueries);
        const cpu = process.cpuUsage();
        const asking = await repeat(1, () => search(warmUpQueries, warmUpQueries + timedQueries), {
          warmUp: false,
        });
        const { user, system } = process.cpuUsage(cpu);
        rows.push({
          index: name,
          documents: size,
          buildMs: building.median,
          queriesPerSecond: round((timedQueries * 1000) / asking.median),
          queriesPerCpuSecond: round((timedQueries * 1e6) / (user + system)),
          indexMegabytes: round(index.byteLength / 1e6),
        });
      }
    }
    return { source, rows, peakResidentMegabytes: round(process.resourceUsage().maxRSS / 1e3) };
  },
};
export default bench;
