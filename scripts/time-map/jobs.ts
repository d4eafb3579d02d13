/** The main jobs, and how each is found in what the benches left. */
import { DEFAULT_LORA } from "../../src/models/lora";
import {
  type Bits,
  causalStep,
  decodingRate,
  type Roofline,
  rlooIteration,
  scanMs,
  t5DpoStep,
  t5GenerationRate,
} from "./limits";
import type { MapRow, Unit } from "./row";

/** `results` of a bench's JSON. */
export interface BenchFile {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly [figure: string]: unknown;
}

type Figures = Pick<MapRow, "ours" | "peer" | "limit" | "memory" | "missing">;

interface Job {
  readonly bench: string;
  readonly group: string;
  readonly job: string;
  readonly size: string;
  readonly unit: Unit;
  /** @throws {Error} if the bench left no such figure */
  readonly read: (results: BenchFile, at: Roofline | undefined) => Figures;
}

const PRODUCTS = "products";
const MEMORY = "memory";

/** The first row with these values. */
function rowWith(results: BenchFile, values: Readonly<Record<string, unknown>>) {
  return results.rows.find((row) => Object.entries(values).every(([name, value]) => row[name] === value));
}

/** A figure of the first row with these values. */
function figure(results: BenchFile, values: Readonly<Record<string, unknown>>, name: string): number {
  const value = rowWith(results, values)?.[name];
  if (typeof value !== "number") throw new Error(`no ${name} of ${JSON.stringify(values)}`);
  return value;
}

/** The same, or nothing. */
function figureIfThere(results: BenchFile, values: Readonly<Record<string, unknown>>, name: string) {
  const value = rowWith(results, values)?.[name];
  return typeof value === "number" ? value : undefined;
}

const limit = (of: string, value: number | undefined) =>
  value === undefined ? {} : { limit: { of, value } };

/** A peer's figure, or why there is none: what the bench says in its place. */
function peer(name: string, value: number | undefined, otherwise: unknown): Figures {
  if (value !== undefined) return { peer: { name, value } };
  return { missing: typeof otherwise === "string" ? `peer: ${otherwise}` : "peer: its figure is missing" };
}

const PYTORCH = "PyTorch";

const t5Steps = (["float32", "int8"] as const).map((frozenWeights): Job => ({
  bench: "lora-training",
  group: "T5",
  job: frozenWeights === "float32" ? "LoRA step" : "LoRA step, base in 8 bits",
  size: `FLAN-T5 Small, 8 rows of real lengths, 96 labels, rank ${DEFAULT_LORA.rank}`,
  unit: "s",
  read: (results, at) => {
    const row = { config: "lora", lengths: "real", frozenWeights };
    const theirs = figureIfThere(results, row, "peerPeakRssMiB");
    return {
      ours: figure(results, row, "stepSeconds"),
      ...peer(`${PYTORCH}, float32`, figureIfThere(results, row, "peerStepSeconds"), results["peer"]),
      ...limit(PRODUCTS, at && figure(results, row, "gflop") / at.gflopPerSecond),
      memory: { ours: figure(results, row, "peakRssMiB"), ...(theirs !== undefined && { peer: theirs }) },
    };
  },
}));

const [ROWS, LENGTH] = [4, 256];
const causal = { shape: "smollm2-135m", batch: ROWS, length: LENGTH } as const;
const SMOL = "SmolLM2-135M";

/** Of the peers of a size the one with the least of a figure. */
function best(results: BenchFile, size: object, names: readonly string[], field: string) {
  const found = names.flatMap((name) => {
    const row = { ...size, [field]: name };
    const seconds = figureIfThere(results, row, "stepSeconds") ?? figureIfThere(results, row, "seconds");
    return seconds === undefined
      ? []
      : [{ name, seconds, memory: figureIfThere(results, row, "peakRssMiB") }];
  });
  return found.sort((a, b) => a.seconds - b.seconds)[0];
}

const everyPeer = ["fp32", "bf16", "TRL, fp32", "TRL, bf16"];
const causalSteps = (
  [
    ["LoRA step", "float32", everyPeer],
    ["QLoRA step (NF4)", "nf4", ["nf4"]],
    ["LoRA step, base in 8 bits", "int8", everyPeer],
  ] as const
).map(([job, frozenWeights, names]): Job => ({
  bench: "llama-step",
  group: "causal",
  job,
  size: `${SMOL}, ${ROWS} rows of ${LENGTH}, half of them labels, rank 32`,
  unit: "s",
  read: (results, at) => {
    const row = { ...causal, frozenWeights, recompute: false };
    const theirs = best(results, causal, names, "peer");
    return {
      ours: figure(results, row, "stepSeconds"),
      ...peer(namePeer(theirs?.name), theirs?.seconds, results["peer"]),
      ...limit(PRODUCTS, at && causalStep("smollm2-135m", ROWS, LENGTH, at)),
      memory: {
        ours: figure(results, row, "peakRssMiB"),
        ...(theirs?.memory !== undefined && { peer: theirs.memory }),
      },
    };
  },
}));

/** What stands behind a peer's name in the bench llama-step. */
const namePeer = (name = "") =>
  name.startsWith("TRL") ? name : name === "nf4" ? "PEFT + bitsandbytes" : `PEFT, ${name}`;

const dpoSteps = (
  [
    ["T5", "flan-t5-small", 4, 256, "FLAN-T5 Small"],
    ["causal", "smollm2-135m", 2, 256, SMOL],
  ] as const
).map(([group, shape, pairs, length, name]): Job => ({
  bench: "dpo-step",
  group,
  job: "DPO step",
  size: `${name}, ${pairs} pairs of ${length}, half of them answers, rank 32`,
  unit: "s",
  read: (results, at) => {
    const size = { shape, pairs, length };
    const row = { ...size, frozenWeights: "float32", recompute: false };
    const theirs = best(results, size, ["fp32", "bf16"], "peer");
    const none =
      shape === "flan-t5-small" ? "TRL trains no encoder–decoder by DPO any more" : results["peer"];
    return {
      ours: figure(results, row, "stepSeconds"),
      ...peer(`TRL, ${theirs?.name}`, theirs?.seconds, none),
      ...limit(
        PRODUCTS,
        at &&
          (shape === "flan-t5-small"
            ? t5DpoStep(pairs, length, at)
            : causalStep(shape, 2 * pairs, length, at)),
      ),
      memory: {
        ours: figure(results, row, "peakRssMiB"),
        ...(theirs?.memory !== undefined && { peer: theirs.memory }),
      },
    };
  },
}));

const rollout = { prompts: 2, completions: 4, promptLength: 32, newTokens: 32 };
const rlooIterations = (
  [
    ["T5", "flan-t5-small", "FLAN-T5 Small"],
    ["causal", "smollm2-135m", SMOL],
  ] as const
).map(([group, shape, name]): Job => ({
  bench: "rloo-iteration",
  group,
  job: "RLOO iteration",
  size: `${name}, 2 prompts of 32, 4 completions of 32 each, rank 32`,
  unit: "s",
  read: (results, at) => {
    const size = { shape, promptLength: 32, newTokens: 32 };
    const row = { ...size, by: "this project, float32" };
    const theirs = best(results, size, ["TRL, fp32", "TRL, bf16"], "by");
    const none = shape === "flan-t5-small" ? "TRL's RLOO takes causal models alone" : results["peer"];
    return {
      ours: figure(results, row, "seconds"),
      ...peer(theirs?.name ?? "", theirs?.seconds, none),
      ...limit(`${PRODUCTS} and ${MEMORY}`, at && rlooIteration(shape, rollout, at)),
      memory: {
        ours: figure(results, row, "peakRssMiB"),
        ...(theirs?.memory !== undefined && { peer: theirs.memory }),
      },
    };
  },
}));

const batches = [1, 4, 16] as const;
const bitsName = { float32: "32", int8: "8", int4: "4" } as const;

const t5Decoding = (["float32", "int8"] as const).flatMap((weights) =>
  batches.map((batch): Job => {
    const size = { batch, encoder: 128, newTokens: 96 };
    return {
      bench: "generation",
      group: "T5",
      job: `decoding in ${bitsName[weights]} bits`,
      size: `FLAN-T5 Small, batch ${batch}, 128 tokens read, 96 new ones`,
      unit: "tokens/s",
      read: (results, at) => {
        const row = { ...size, weights };
        return {
          ours: figure(results, row, "tokensPerSecond"),
          ...peer(`${PYTORCH}, float32`, figureIfThere(results, row, "peerTokensPerSecond"), results["peer"]),
          ...limit(
            weights === "float32" ? `${PRODUCTS} and ${MEMORY}` : MEMORY,
            at && t5GenerationRate(weights, size, at),
          ),
        };
      },
    };
  }),
);

const t5FourBits: Job = {
  bench: "generation",
  group: "T5",
  job: "decoding in 4 bits",
  size: "FLAN-T5 Small",
  unit: "tokens/s",
  read: () => ({ missing: "T5 has no 4 bits" }),
};

interface PeerRates {
  readonly batch: number;
  readonly length: number;
  readonly decode: number;
}

/** The peers of decoding in so many bits, the fastest first. */
function decodingPeers(results: BenchFile, weights: Bits, batch: number, length: number) {
  const llamaCpp = results["llamaCpp"] as Partial<Record<"q8_0" | "file", unknown>> | string;
  const form = weights === "int8" ? "q8_0" : "file";
  const of = typeof llamaCpp === "string" || weights === "float32" ? undefined : llamaCpp[form];
  const lists: [name: string, list: unknown][] = [
    [`llama.cpp, ${weights === "int8" ? "Q8_0" : "its file"}`, of],
    ["transformers, float32", results["transformers"]],
  ];
  return lists
    .flatMap(([name, list]) => {
      const found = Array.isArray(list)
        ? (list as PeerRates[]).find((one) => one.batch === batch && one.length === length)
        : undefined;
      return found ? [{ name, value: Number(found.decode.toPrecision(4)) }] : [];
    })
    .sort((a, b) => b.value - a.value);
}

const causalDecoding = (["float32", "int8", "int4"] as const).flatMap((weights) =>
  batches.map((batch): Job => ({
    bench: "llama-decode",
    group: "causal",
    job: `decoding in ${bitsName[weights]} bits`,
    size: `${SMOL}, batch ${batch}, 64 tokens read, 32 new ones`,
    unit: "tokens/s",
    read: (results, at) => {
      const [first] = decodingPeers(results, weights, batch, 64);
      return {
        ours: figure(results, { weights, batch, length: 64 }, "decodeTokensPerSecond"),
        ...(first
          ? { peer: first }
          : peer(
              "",
              undefined,
              [results["llamaCpp"], results["transformers"]]
                .filter((why) => typeof why === "string")
                .join("; "),
            )),
        ...limit(
          weights === "float32" ? `${MEMORY} or ${PRODUCTS}` : MEMORY,
          at && decodingRate("smollm2-135m", weights, batch, at),
        ),
      };
    },
  })),
);

const retrieval = (["bm25", "tfidf char 3–5"] as const).map((index): Job => ({
  bench: "retrieval",
  group: "retrieval",
  job: index === "bm25" ? "BM25" : "TF-IDF of characters",
  size: "20,000 persona pairs or what is there, 5 found, one thread",
  unit: "queries/s",
  read: (results) => {
    const documents = Math.max(...results.rows.map((row) => Number(row["documents"])));
    const row = { index, documents };
    return {
      ours: figure(results, row, "queriesPerSecond"),
      ...peer(
        index === "bm25" ? "bm25s" : "scikit-learn",
        figureIfThere(results, row, "peerQueriesPerSecond"),
        results["peer"],
      ),
    };
  },
}));

const scan: Job = {
  bench: "dense-scan",
  group: "retrieval",
  job: "exact search among vectors",
  size: "20,000 of 384 numbers, 10 found",
  unit: "ms",
  read: (results, at) => {
    const row = { vectors: 20_000 };
    return {
      ours: figure(results, row, "median"),
      ...limit(MEMORY, at && scanMs(figure(results, row, "megabytes"), at)),
      missing: "peer: none",
    };
  },
};

export const jobs: readonly Job[] = [
  ...t5Steps,
  ...dpoSteps.filter(({ group }) => group === "T5"),
  ...rlooIterations.filter(({ group }) => group === "T5"),
  ...t5Decoding,
  t5FourBits,
  ...causalSteps,
  ...dpoSteps.filter(({ group }) => group === "causal"),
  ...rlooIterations.filter(({ group }) => group === "causal"),
  ...causalDecoding,
  ...retrieval,
  scan,
];

/** The roofline that its bench left, if it did. */
export function rooflineOf(results: BenchFile | undefined): Roofline | undefined {
  if (!results) return undefined;
  return {
    gflopPerSecond: figure(results, { what: "product" }, "best"),
    gigabytesPerSecond: figure(results, { what: "memory" }, "best"),
  };
}

/**
 * A row for each job.
 *
 * @param found what a bench left, or why it left nothing
 */
export function mapRows(found: (bench: string) => BenchFile | string): MapRow[] {
  const roofline = found("roofline");
  const at = rooflineOf(typeof roofline === "string" ? undefined : roofline);
  return jobs.map(({ bench, read, ...job }) => {
    const results = found(bench);
    if (typeof results === "string") return { ...job, missing: `${bench}: ${results}` };
    try {
      return { ...job, ...read(results, at) };
    } catch (error) {
      return { ...job, missing: `${bench}: ${(error as Error).message}` };
    }
  });
}
