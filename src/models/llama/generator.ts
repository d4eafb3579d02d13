import {
  defaultRecordedDevice,
  FrozenProgram,
  keepsTensors,
  type ProgramTensor,
  type RecordedDevice,
  type TensorSpec,
} from "../../engine";
import { type Decoder, type GenerativeModel, type GeneratorOptions } from "../generative";
import {
  roundedWeights,
  type NamedTensors,
  needParameter,
  packedLink,
  packedShapes,
  packedSource,
  type ParameterSource,
  type ProgramWeights,
} from "../layers";
import { givenWeights, liveWeights } from "../lora/live";
import { logProbabilities, ProgramDecoder, staysThere } from "../program-decoder";
import { generationScheme, type GenerationWeights, type QuantizationScheme } from "../quantization";
import type { TokenBatch } from "../tokenizer";
import { RowCache } from "./cache";
import type { LlamaConfig } from "./config";
import { llama } from "./model";
import { EMBEDDING, HEAD, isMultiplied, packedLayers, parameterShapes } from "./parameters";
import { ResidentCache } from "./resident-cache";
import { residentStep, type ResidentStepInputs, step, type StepInputs } from "./step";
import { HostCache, type StepCache } from "./step-cache";

/** Marker sizes of the dimensions that stay open in the program. */
const OPEN = { batch: 7919, length: 7927, past: 7933, total: 7933 + 7927, asked: 7937 };
const WEIGHTS = "weights/";
/** A prompt that shares fewer tokens with an earlier one is encoded whole. */
const SHORTEST_PREFIX = 4;
/** Tokens of a prompt that are fed at once: attention's scores are [heads, these, positions so far]. */
const LONGEST_FEED = 256;

const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
const int32 = (...shape: number[]) => ({ dtype: "int32", shape }) as const;
/**
 * The weights of a program, as a generator was asked to keep them. Layers that read the same x and are rounded alike are one
 * product; floats stay in their files, where they lie one by one.
 */
function frozenWeights(
  config: LlamaConfig,
  parameters: ParameterSource,
  kind: GenerationWeights,
  isLive: (name: string) => boolean,
): ProgramWeights {
  const shapes = parameterShapes(config);
  const schemes = new Map<string, QuantizationScheme>();
  for (const name of Object.keys(shapes)) {
    // The head chooses among all tokens: what is rounded there is not mended by any layer behind it, so it keeps 8 bits.
    const isHead = name === HEAD || name === EMBEDDING;
    const scheme =
      isMultiplied(config, name) &&
      !isLive(name) &&
      generationScheme(kind === "int4" && isHead ? "int8" : kind, parameters, name);
    if (scheme) schemes.set(name, scheme);
  }
  const groups: Record<string, string[]> = {};
  for (const [packed, layers] of Object.entries(packedLayers(config))) {
    const [scheme, ...others] = layers.map((layer) => schemes.get(`${layer}.weight`));
    if (!scheme || others.some((other) => other !== scheme)) continue;
    groups[packed] = layers;
    schemes.set(`${packed}.weight`, scheme);
  }
  const source = packedSource(parameters, groups);
  const weights = roundedWeights(packedShapes(shapes, groups), source, (name) => schemes.get(name));
  return {
    ...weights,
    linear: (tensors) => packedLink(shapes, groups)(weights.linear(tensors)),
  };
}

/** What the decoders of a generator share. */
interface Shared {
  readonly config: LlamaConfig;
  readonly device: RecordedDevice;
  readonly program: FrozenProgram;
  readonly normalise: FrozenProgram;
  /** The weights that are inputs at every run, by the program's names, as they are now. */
  readonly weights: () => Promise<Readonly<Record<string, ProgramTensor>>>;
}

/** Tokens with their keys and values, a cache of one row, so that a prompt that begins like them goes on from there. */
interface Encoded {
  readonly tokens: readonly number[];
  readonly cache: StepCache;
}

/**
 * A Llama that generates. One program feeds a prompt's tokens or one token to each of several rows. A prompt is encoded by itself,
 * without padding, and from where it differs from another of its batch or from the last row before it.
 */
export class LlamaGenerator implements GenerativeModel {
  readonly taskType = "CAUSAL_LM";
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;
  /** The first row of the last decoder, and which version of the weights it is of. */
  private kept: (Encoded & { readonly version: number }) | undefined;

  private constructor(
    private readonly shared: Shared,
    /** Which version the weights are; undefined where they may change untold. */
    private readonly version: () => number | undefined,
  ) {
    this.stopTokenIds = shared.config.eosTokenIds;
    this.padTokenId = shared.config.padTokenId;
  }

  static async create(
    { config, parameters }: { config: LlamaConfig; parameters: ParameterSource },
    {
      threads,
      device = defaultRecordedDevice(),
      weights: kind = "float32",
      adapter,
      profile,
    }: GeneratorOptions = {},
  ): Promise<LlamaGenerator> {
    const { numKeyValueHeads: heads, headDim, vocabSize, numLayers } = config;
    const isLive = (name: string) => adapter?.weights.has(name) ?? false;
    const base = frozenWeights(config, parameters, kind, isLive);
    const frozen = liveWeights(base, adapter);
    const isHead = config.tieWordEmbeddings;
    const constantOf = (name: string) => {
      if (!name.startsWith(WEIGHTS) || (name === WEIGHTS + EMBEDDING && !isHead)) return undefined;
      const parameter = name.slice(WEIGHTS.length);
      if (frozen.isLive(parameter)) return undefined;
      return frozen.locate(parameter) ?? frozen.tensorOf(parameter);
    };
    const options = { constantOf, dimensions: OPEN, threads, device, profile, keeps: staysThere };
    const model = (weights: NamedTensors) => llama(config, weights, { linear: frozen.linear(weights) });
    const past = (key: TensorSpec, value: TensorSpec) =>
      Object.fromEntries(Array.from({ length: numLayers }, (_, index) => [index, { key, value }]));
    const given = { weights: frozen.signature, starts: int32(OPEN.batch) };
    const cache = float32(OPEN.past, OPEN.batch, heads, 1, headDim);
    const program = keepsTensors(device)
      ? await FrozenProgram.create(
          ({ weights, ...inputs }) => residentStep(model(weights), inputs as unknown as ResidentStepInputs),
          {
            ...given,
            tokens: int32(OPEN.batch, OPEN.length),
            past: past(
              float32(OPEN.batch, heads, headDim, OPEN.past),
              float32(OPEN.batch, heads, OPEN.past, headDim),
            ),
          },
          options,
        )
      : await FrozenProgram.create(
          ({ weights, ...inputs }) => step(model(weights), inputs as unknown as StepInputs),
          {
            ...given,
            tokens: int32(OPEN.length, OPEN.batch),
            places: int32(OPEN.total),
            asked: int32(OPEN.asked),
            past: past(cache, cache),
          },
          options,
        );
    const normalise = await FrozenProgram.create(
      logProbabilities,
      { logits: float32(OPEN.asked, vocabSize) },
      { threads, device, dimensions: OPEN, constantOf: () => undefined },
    );
    const inPlace = isHead ? {} : { [WEIGHTS + EMBEDDING]: needParameter(parameters, EMBEDDING) };
    const weights = givenWeights(device, inPlace, adapter, WEIGHTS);
    const shared = { config, device, program, normalise, weights };
    return new LlamaGenerator(shared, () => (adapter ? adapter.version : 0));
  }

  async startDecoder(batch: TokenBatch, rowsPerInput: number, maxNewTokens: number): Promise<Decoder> {
    const { config } = this.shared;
    const prompts = promptsOf(batch);
    for (const [input, prompt] of prompts.entries()) {
      if (prompt.length === 0)
        throw new RangeError(
          `input ${input} is empty: a ${config.family} model goes on from at least one token`,
        );
      if (prompt.length + maxNewTokens > config.maxPositions) {
        throw new RangeError(
          `input ${input} has ${prompt.length} tokens; with ${maxNewTokens} new ones they are more than the model's ` +
            `${config.maxPositions} positions (max_position_embeddings): shorten the prompt or ask for fewer tokens`,
        );
      }
    }
    const version = this.version();
    const weights = await this.shared.weights();
    const done: Encoded[] =
      this.kept && this.kept.version === version ? [{ ...this.kept, cache: this.kept.cache.held() }] : [];
    const caches: StepCache[] = [];
    let cache: StepCache;
    try {
      for (const prompt of prompts) {
        const tokens = prompt.slice(0, -1);
        const { encoded, length } = longestPrefix(done, tokens);
        const cache = encoded?.cache.copyOf(0, length) ?? emptyCache(this.shared);
        done.push({ tokens, cache });
        await encode(this.shared, weights, cache, tokens.slice(length));
        for (let i = 0; i < rowsPerInput; i++) caches.push(cache);
      }
      cache = caches[0]!.joined(caches);
    } finally {
      for (const { cache } of done) cache.dispose();
    }
    const rows = prompts.flatMap((prompt) => Array.from({ length: rowsPerInput }, () => prompt));
    return new LlamaDecoder(this.shared, weights, rows, cache, (tokens) => {
      if (version !== undefined && version === this.version()) {
        this.kept?.cache.dispose();
        this.kept = { tokens, cache: cache.copyOf(0), version };
      }
      cache.dispose();
    });
  }

  /** Frees the programs; decoders that are still there can no longer be used. */
  async dispose(): Promise<void> {
    this.kept?.cache.dispose();
    this.kept = undefined;
    await Promise.all([this.shared.program.dispose(), this.shared.normalise.dispose()]);
  }
}

class LlamaDecoder extends ProgramDecoder {
  readonly vocabularySize: number;
  /** What each row has been fed. */
  private fed: number[][];

  constructor(
    private readonly shared: Shared,
    private readonly weights: Readonly<Record<string, ProgramTensor>>,
    readonly prompts: readonly (readonly number[])[],
    private readonly cache: StepCache,
    private readonly onDispose: (tokens: readonly number[]) => void,
  ) {
    super(shared.normalise, shared.device);
    this.vocabularySize = shared.config.vocabSize;
    this.fed = prompts.map((prompt) => prompt.slice(0, -1));
  }

  select(rows: readonly number[]): void {
    this.cache.select(rows);
    this.fed = rows.map((row) => [...this.fed[row]!]);
  }

  dispose(): void {
    if (this.fed.length > 0) this.onDispose(this.fed[0]!);
    this.fed = [];
  }

  protected async step(tokens: Int32Array, ...outputs: string[]): Promise<Record<string, ProgramTensor>> {
    const results = await feed(this.shared, this.weights, this.cache, [...tokens], outputs);
    this.fed.forEach((row, i) => row.push(tokens[i]!));
    return results;
  }
}

const emptyCache = ({ config, device }: Shared): StepCache =>
  keepsTensors(device)
    ? ResidentCache.empty(device, config)
    : new HostCache(new RowCache(2 * config.numLayers, 1, config.numKeyValueHeads, config.headDim));

/** Feeds tokens to a cache of one row. */
async function encode(
  shared: Shared,
  weights: Readonly<Record<string, ProgramTensor>>,
  cache: StepCache,
  tokens: readonly number[],
): Promise<void> {
  cache.reserve(tokens.length);
  for (let from = 0; from < tokens.length; from += LONGEST_FEED)
    await feed(shared, weights, cache, tokens.slice(from, from + LONGEST_FEED), []);
}

/** Feeds one token to each row of a cache, or several to its only row, and returns the outputs named, of each row's last token. */
async function feed(
  { program }: Shared,
  weights: Readonly<Record<string, ProgramTensor>>,
  cache: StepCache,
  tokens: readonly number[],
  outputs: readonly string[],
): Promise<Record<string, ProgramTensor>> {
  const inputs = await cache.inputs(tokens);
  const results = await program.run({ ...weights, ...inputs }, [...outputs, ...cache.grown]);
  cache.grow(results, tokens.length / cache.rows);
  return results;
}

/** The tokens of each row, without padding, wherever it stands. */
function promptsOf({ inputIds, attentionMask }: TokenBatch): number[][] {
  const [rows, length] = inputIds.shape as [number, number];
  return Array.from({ length: rows }, (_, row) =>
    [...inputIds.data.subarray(row * length, (row + 1) * length)].filter(
      (_, i) => attentionMask.data[row * length + i] !== 0,
    ),
  );
}

function longestPrefix(candidates: readonly Encoded[], tokens: readonly number[]) {
  let best: { encoded?: Encoded; length: number } = { length: 0 };
  for (const encoded of candidates) {
    const most = Math.min(encoded.tokens.length, tokens.length);
    let length = 0;
    while (length < most && encoded.tokens[length] === tokens[length]) length++;
    if (length > best.length && length >= SHORTEST_PREFIX) best = { encoded, length };
  }
  return best;
}
