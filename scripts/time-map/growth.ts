/** How the time of a job grows with its size, from the rows that benches left. */
import type { BenchFile } from "./jobs";

/** Times of one job at growing sizes. */
export interface Growth {
  readonly job: string;
  /** What grows. */
  readonly by: string;
  readonly unit: "s" | "ms";
  readonly points: readonly { readonly size: number; readonly ours: number; readonly peer?: number }[];
}

type Row = Readonly<Record<string, unknown>>;

interface Source {
  readonly bench: string;
  readonly job: string;
  readonly by: string;
  readonly unit: "s" | "ms";
  /** The column that grows, and what the others must be. */
  readonly grows: string;
  readonly where: Row;
  /** The figure of a row that is ours, and of one that is the peer's; the same row may have both. */
  readonly ours: (row: Row) => number | undefined;
  readonly peer?: (row: Row) => number | undefined;
}

const numberOf = (row: Row, name: string): number | undefined =>
  typeof row[name] === "number" ? (row[name] as number) : undefined;

/** A figure of the rows that have this value in a column. */
const ofRows =
  (column: string, value: unknown, name: string) =>
  (row: Row): number | undefined =>
    row[column] === value ? numberOf(row, name) : undefined;

const steps = (bench: string, job: string, by: string, grows: string, where: Row): Source => ({
  ...{ bench, job, by, grows, where, unit: "s" },
  ours: ofRows("frozenWeights", "float32", "stepSeconds"),
  peer: ofRows("peer", "fp32", "stepSeconds"),
});

const iterations = (by: string, grows: string, where: Row): Source => ({
  ...{ bench: "rloo-iteration", job: "RLOO iteration, embedded causal model", by, grows, unit: "s" },
  where: { shape: "chat-model", ...where },
  ours: ofRows("by", "this project, float32", "seconds"),
  peer: ofRows("by", "TRL, fp32", "seconds"),
});

const generation = (by: string, grows: string, where: Row): Source => ({
  ...{ bench: "generation", job: "T5 generation in 32 bits", by, grows, unit: "s" },
  where: { weights: "float32", ...where },
  ours: (row) => seconds(row, "tokensPerSecond"),
  peer: (row) => seconds(row, "peerTokensPerSecond"),
});

/** Of a whole batch. */
function seconds(row: Row, name: string): number | undefined {
  const [rate, batch, tokens] = [name, "batch", "newTokens"].map((name) => numberOf(row, name));
  return rate && batch && tokens ? (batch * tokens) / rate : undefined;
}

const training = (by: string, grows: string, where: Row): Source => ({
  ...{ bench: "training-step", job: "T5 step, everything trained", by, grows, unit: "s" },
  where: { trained: "all", ...where },
  ours: (row) => numberOf(row, "seconds"),
});

const perQuery = (name: string) => (row: Row) => {
  const rate = numberOf(row, name);
  return rate ? 1000 / rate : undefined;
};
const retrieval = (job: string, index: string): Source => ({
  ...{ bench: "retrieval", job, by: "documents", grows: "documents", unit: "ms", where: { index } },
  ours: perQuery("queriesPerSecond"),
  peer: perQuery("peerQueriesPerSecond"),
});

const [LORA, DPO] = ["LoRA step, embedded causal model", "DPO step, embedded causal model"];
const sources: readonly Source[] = [
  steps("llama-step", LORA, "tokens of a row", "length", { shape: "chat-model", batch: 8 }),
  steps("llama-step", LORA, "rows", "batch", { shape: "chat-model", length: 128 }),
  steps("llama-step", "LoRA step, SmolLM2-135M", "rows", "batch", {
    shape: "smollm2-135m",
    length: 256,
    recompute: false,
  }),
  steps("dpo-step", DPO, "tokens of a row", "length", { shape: "chat-model", pairs: 2 }),
  steps("dpo-step", DPO, "pairs", "pairs", { shape: "chat-model", length: 128, recompute: false }),
  iterations("new tokens", "newTokens", { promptLength: 32 }),
  iterations("tokens of a prompt", "promptLength", { newTokens: 32 }),
  training("rows", "batch", { encoder: 112, layers: 8 }),
  training("tokens read", "encoder", { batch: 8, layers: 8 }),
  training("layers", "layers", { batch: 8, encoder: 112 }),
  generation("rows", "batch", { encoder: 128, newTokens: 96 }),
  generation("tokens read", "encoder", { batch: 16, newTokens: 96 }),
  generation("new tokens", "newTokens", { batch: 16, encoder: 128 }),
  {
    ...{
      bench: "llama-decode",
      job: "a token of SmolLM2-135M in 32 bits",
      by: "tokens before it",
      grows: "length",
    },
    ...{ unit: "ms", where: { weights: "float32", batch: 1 } },
    ours: perQuery("decodeTokensPerSecond"),
  },
  retrieval("a query by BM25", "bm25"),
  retrieval("a query by TF-IDF of characters", "tfidf char 3–5"),
  {
    ...{
      bench: "dense-scan",
      job: "an exact search among vectors",
      by: "vectors",
      grows: "vectors",
      unit: "ms",
      where: {},
    },
    ours: (row) => numberOf(row, "median"),
  },
];

/** Every job that was measured at two sizes or more. */
export function growths(found: (bench: string) => BenchFile | string): Growth[] {
  return sources.flatMap(({ bench, job, by, unit, grows, where, ours, peer }) => {
    const results = found(bench);
    if (typeof results === "string") return [];
    // A row of the peer's need not have every column.
    const rows = results.rows.filter((row) =>
      Object.entries(where).every(([name, value]) => row[name] === undefined || row[name] === value),
    );
    const sizes = [...new Set(rows.flatMap((row) => numberOf(row, grows) ?? []))].sort((a, b) => a - b);
    const points = sizes.flatMap((size) => {
      const own = rows.filter((row) => row[grows] === size);
      const first = (of: (row: Row) => number | undefined) =>
        own.map(of).find((value) => value !== undefined);
      const [mine, theirs] = [first(ours), peer && first(peer)];
      return mine === undefined ? [] : [{ size, ours: mine, ...(theirs !== undefined && { peer: theirs }) }];
    });
    return points.length < 2 ? [] : [{ job, by, unit, points }];
  });
}

/** The power of the size that the time grew with, from the smallest size to the largest: 1 where twice the size takes twice as long. */
export function exponent(points: readonly { readonly size: number; readonly value: number }[]): number {
  const [first, last] = [points[0]!, points.at(-1)!];
  return Math.log(last.value / first.value) / Math.log(last.size / first.size);
}
