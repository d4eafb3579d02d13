import { createHash } from "node:crypto";
import { z } from "zod";
import { type HostTensor, readSafetensors, writeSafetensors } from "../tensors";
import { Analyzer, type AnalyzerOptions } from "./analyzer";
import type { ScoreBlock, Weighting } from "./score-block";
import { ScoreMatrix } from "./score-matrix";

interface StoredIndex<Options, Vector extends string> {
  options: Options;
  analyzer: Analyzer;
  scores: ScoreMatrix;
  /** What this kind of index makes its scores of. */
  vectors: Record<Vector, Float64Array>;
}

/** What a kind of index is read by. */
interface IndexKind<Options, Vector extends string> {
  optionsSchema: z.ZodType<Options>;
  analyzerOptions: (options: Options) => AnalyzerOptions;
  vectorNames: readonly Vector[];
  weighting: (options: Options, vectors: Record<Vector, Float64Array>) => Weighting;
}

/** Counts up when the arrays of an index change. */
const VERSION = 3;

type Stored = Int32Array | Uint8Array | Uint16Array | Float32Array | Float64Array;

const DTYPES = {
  factors: "float32",
  rareStarts: "int32",
  rareDocuments: "uint16",
  repeats: "float32",
  commonBits: "uint8",
  commonRepeatStarts: "int32",
  commonRepeatRanks: "int32",
  commonRepeatGains: "float32",
  commonNorms: "float32",
  documentStarts: "int32",
  documentTerms: "int32",
} as const;
const blockKeys = Object.keys(DTYPES) as (keyof typeof DTYPES)[];

const headSchema = z.object({
  kind: z.string(),
  version: z.literal(VERSION, { error: "it was saved by another release; build the index again" }),
  options: z.unknown(),
  documentCount: z.number().int().nonnegative(),
  words: z.array(z.string()),
  blocks: z.array(z.object({ first: z.number().int(), size: z.number().int() })),
});

/** Writes an index as a safetensors file: its arrays as tensors, the rest as JSON, and a checksum of both. */
export function saveIndex<Options, Vector extends string>(
  path: string,
  kind: string,
  index: StoredIndex<Options, Vector>,
): void {
  const { parents, symbols, words } = index.analyzer.state;
  const { documentCount, commonTerms, bases, blocks } = index.scores;
  const tensors = new Map<string, HostTensor>();
  const put = (name: string, data: Stored) =>
    tensors.set(name, { dtype: dtypeOf(data), shape: [data.length], data } as HostTensor);
  put("ngrams.parents", parents);
  put("ngrams.symbols", symbols);
  put("commonTerms", commonTerms);
  put("bases", bases);
  for (const [name, vector] of Object.entries<Float64Array>(index.vectors)) put(`vectors.${name}`, vector);
  blocks.forEach((block, i) => blockKeys.forEach((key) => put(`blocks.${i}.${key}`, block[key])));
  const head = JSON.stringify({
    kind,
    version: VERSION,
    options: index.options,
    documentCount,
    words,
    blocks: blocks.map(({ first, size }) => ({ first, size })),
  } satisfies z.input<typeof headSchema>);
  writeSafetensors(path, tensors, { index: head, sha256: checksum(head, tensors) });
}

/** Reads an index of one kind; anything but a whole file of {@link saveIndex} is an error that names the file. */
export function loadIndex<Options, Vector extends string>(
  path: string,
  kind: string,
  { optionsSchema, analyzerOptions, vectorNames, weighting }: IndexKind<Options, Vector>,
): StoredIndex<Options, Vector> {
  const { tensors, metadata } = readSafetensors(path);
  if (metadata.index === undefined) throw new Error(`${path}: not a retrieval index`);
  if (metadata.sha256 !== checksum(metadata.index, tensors)) {
    throw new Error(`${path}: damaged (its checksum does not fit its contents); build the index again`);
  }
  try {
    const head = headSchema.parse(JSON.parse(metadata.index));
    if (head.kind !== kind) throw new Error(`it holds a ${head.kind} index, not a ${kind} one`);
    const take = (name: string, dtype: string) => {
      const tensor = tensors.get(name);
      if (tensor?.dtype !== dtype) throw new Error(`no ${dtype} array ${name}`);
      return tensor.data as Stored;
    };
    const options = optionsSchema.parse(head.options);
    const analyzer = Analyzer.restore(analyzerOptions(options), {
      parents: take("ngrams.parents", "int32") as Int32Array,
      symbols: take("ngrams.symbols", "int32") as Int32Array,
      words: head.words,
    });
    const blocks = head.blocks.map(
      (place, i) =>
        ({
          ...place,
          ...Object.fromEntries(blockKeys.map((key) => [key, take(`blocks.${i}.${key}`, DTYPES[key])])),
        }) as ScoreBlock,
    );
    const commonTerms = take("commonTerms", "int32") as Int32Array;
    const bases = take("bases", "int32") as Int32Array;
    const vectors = Object.fromEntries(
      vectorNames.map((name) => [name, take(`vectors.${name}`, "float64")]),
    ) as Record<Vector, Float64Array>;
    return {
      options,
      analyzer,
      vectors,
      scores: new ScoreMatrix(head.documentCount, weighting(options, vectors), commonTerms, bases, blocks),
    };
  } catch (cause) {
    throw new Error(`${path}: not a usable retrieval index: ${(cause as Error).message}`, { cause });
  }
}

function dtypeOf(data: Stored): (typeof DTYPES)[keyof typeof DTYPES] | "float64" {
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint16Array) return "uint16";
  if (data instanceof Uint8Array) return "uint8";
  return data instanceof Float32Array ? "float32" : "float64";
}

function checksum(head: string, tensors: ReadonlyMap<string, HostTensor>): string {
  const hash = createHash("sha256").update(head);
  for (const name of [...tensors.keys()].sort()) {
    const { data } = tensors.get(name)!;
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
