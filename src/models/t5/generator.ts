import {
  defaultRecordedDevice,
  FrozenProgram,
  keepsTensors,
  placeOn,
  type ProgramTensor,
  type RecordedDevice,
} from "../../engine";
import { float32Tensor, type HostTensor } from "../../tensors";
import { type Decoder, type GenerativeModel, type GeneratorOptions } from "../generative";
import {
  KeyValueCache,
  roundedWeights,
  type NamedTensors,
  needParameter,
  type ParameterSource,
  renamed,
  ResidentTensors,
  selectRows,
} from "../layers";
import { givenWeights, liveWeights } from "../lora/live";
import { logProbabilities, ProgramDecoder, staysThere } from "../program-decoder";
import { generationScheme } from "../quantization";
import type { TokenBatch } from "../tokenizer";
import type { T5Config } from "./config";
import {
  decoderStep,
  encodeMemory,
  type EncoderInputs,
  residentStep,
  type ResidentStepInputs,
  type StepInputs,
} from "./decode";
import { t5 } from "./model";
import { isTable, parameterShapes, positionBiasName } from "./parameters";
import { relativePositionBucket } from "./position-bias";

type Float32Tensor = HostTensor<"float32">;

/** Marker sizes of the dimensions that stay open in the programs. */
const OPEN = { batch: 7919, rowsPerInput: 7927, past: 7933, length: 7937, total: 7933 + 1 };
const ROWS = OPEN.batch * OPEN.rowsPerInput;
const WEIGHTS = "weights/";
const EMBEDDING = "shared.weight";
const MASKED = -3.4028234663852886e38;

const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
const int32 = (...shape: number[]) => ({ dtype: "int32", shape }) as const;

/** What the decoders of a generator share. */
interface Shared {
  readonly config: T5Config;
  readonly device: RecordedDevice;
  readonly step: FrozenProgram;
  readonly normalise: FrozenProgram;
  /** The weights that are inputs at every run, by the programs' names, as they are now. */
  readonly weights: () => Promise<Readonly<Record<string, ProgramTensor>>>;
  /** The decoder's learned position bias, [buckets, heads]. */
  readonly positionTable: Float32Tensor;
}

/**
 * A T5 that generates: the encoder with the cross-attention's keys and values as one program, a decoder step as another.
 * Both take any batch and length. The weights given are copied into the programs, apart from the embedding, which is
 * read in place; let go of the others.
 */
export class T5Generator implements GenerativeModel {
  readonly taskType = "SEQ_2_SEQ_LM";
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;

  private constructor(
    private readonly encode: FrozenProgram,
    private readonly shared: Shared,
  ) {
    const { config } = shared;
    this.stopTokenIds = [config.eosTokenId];
    this.padTokenId = config.padTokenId;
  }

  static async create(
    { config, parameters }: { config: T5Config; parameters: ParameterSource },
    {
      threads,
      device = defaultRecordedDevice(),
      weights: kind = "float32",
      adapter,
      profile,
    }: GeneratorOptions = {},
  ): Promise<T5Generator> {
    const { numHeads, dKv, vocabSize } = config;
    const shapes = parameterShapes(config);
    const isLive = (name: string) => adapter?.weights.has(name) ?? false;
    const schemeOf = (name: string) =>
      isMultiplied(config, name) && !isLive(name) ? generationScheme(kind, parameters, name) : undefined;
    const base = roundedWeights(shapes, parameters, schemeOf);
    const frozen = liveWeights(base, adapter);
    const model = (weights: NamedTensors) => t5(config, weights, { linear: frozen.linear(weights) });
    const weights = frozen.signature;
    // On a device that keeps tensors one copy of the embedding serves both programs; elsewhere one that is multiplied is laid out.
    const isHead = config.tieWordEmbeddings && !schemeOf(EMBEDDING) && !keepsTensors(device);
    const constantOf = (name: string) => {
      if (!name.startsWith(WEIGHTS) || (name === WEIGHTS + EMBEDDING && !isHead)) return undefined;
      const parameter = name.slice(WEIGHTS.length);
      if (frozen.isLive(parameter)) return undefined;
      return frozen.locate(parameter) ?? frozen.tensorOf(parameter);
    };
    const options = { constantOf, dimensions: OPEN, threads, device, profile };
    const keyValues = (key: readonly number[], value = key) =>
      Object.fromEntries(
        blocksOf(config).map((block) => [block, { key: float32(...key), value: float32(...value) }]),
      );
    const encode = await FrozenProgram.create(
      ({ weights, ...inputs }) => encodeMemory(model(weights), inputs as unknown as EncoderInputs),
      {
        weights,
        inputIds: int32(OPEN.batch, OPEN.length),
        attentionMask: int32(OPEN.batch, OPEN.length),
      },
      { ...options, keepMemory: false, keeps: () => true },
    );
    const given = {
      weights,
      tokens: int32(OPEN.batch, OPEN.rowsPerInput),
      attentionMask: int32(OPEN.batch, OPEN.length),
      memory: keyValues([OPEN.batch, numHeads, OPEN.length, dKv]),
    };
    const step = keepsTensors(device)
      ? await FrozenProgram.create(
          ({ weights, ...inputs }) => residentStep(model(weights), inputs as unknown as ResidentStepInputs),
          {
            ...given,
            past: keyValues([ROWS, numHeads, dKv, OPEN.past], [ROWS, numHeads, OPEN.past, dKv]),
          },
          { ...options, keeps: staysThere },
        )
      : await FrozenProgram.create(
          ({ weights, ...inputs }) => decoderStep(model(weights), inputs as unknown as StepInputs),
          {
            ...given,
            pastBias: float32(1, numHeads, 1, OPEN.past),
            ownBias: float32(1, numHeads, 1, 1),
            past: keyValues([ROWS, numHeads, OPEN.past, dKv]),
          },
          options,
        );
    const normalise = await FrozenProgram.create(
      logProbabilities,
      { logits: float32(ROWS, vocabSize) },
      { ...options, constantOf: () => undefined },
    );
    return new T5Generator(encode, {
      config,
      device,
      step,
      normalise,
      weights: givenWeights(
        device,
        { [WEIGHTS + EMBEDDING]: needParameter(parameters, EMBEDDING) },
        adapter,
        WEIGHTS,
      ),
      positionTable: frozen.tensorOf(positionBiasName("decoder")) as Float32Tensor,
    });
  }

  async startDecoder(batch: TokenBatch, rowsPerInput: number, maxNewTokens: number): Promise<Decoder> {
    const { config, device } = this.shared;
    const weights = await this.shared.weights();
    const { inputIds, attentionMask } = batch;
    const [inputs] = inputIds.shape as [number, number];
    const names = keyValueNames(config, "");
    const encoded = await this.encode.run({ ...weights, inputIds, attentionMask }, names);
    const rows = inputs * rowsPerInput;
    if (keepsTensors(device)) {
      const mask = await placeOn(device, attentionMask);
      return new ResidentT5Decoder(this.shared, weights, rowsPerInput, rows, {
        ...renamed(encoded, "", "memory/"),
        attentionMask: mask,
      });
    }
    const memory = names.map((name) => encoded[name]! as Float32Tensor);
    const cache = new KeyValueCache(memory.length, rows, config.numHeads, config.dKv, maxNewTokens);
    const mask = { ...attentionMask, data: attentionMask.data.slice() };
    return new T5Decoder(this.shared, weights, rowsPerInput, mask, memory, cache);
  }

  /** Frees the programs; decoders that are still there can no longer be used. */
  async dispose(): Promise<void> {
    await Promise.all([this.encode.dispose(), this.shared.step.dispose(), this.shared.normalise.dispose()]);
  }
}

/** A decoder whose memory and cache lie on a device. */
class ResidentT5Decoder extends ProgramDecoder {
  readonly vocabularySize: number;
  readonly prompts: readonly (readonly number[])[];
  /** What the encoder gave of each input. */
  private readonly ofInputs: ResidentTensors;
  /** The keys and values of the positions that each row has been through. */
  private readonly ofRows: ResidentTensors;

  constructor(
    private readonly shared: Shared,
    private readonly weights: Readonly<Record<string, ProgramTensor>>,
    private readonly rowsPerInput: number,
    rows: number,
    encoded: Readonly<Record<string, ProgramTensor>>,
  ) {
    super(shared.normalise, shared.device);
    const { vocabSize, decoderStartTokenId, numHeads, dKv } = shared.config;
    this.vocabularySize = vocabSize;
    this.prompts = Array.from({ length: rows }, () => [decoderStartTokenId]);
    this.ofInputs = new ResidentTensors(shared.device, encoded);
    const none = (name: string) =>
      float32Tensor(
        name.endsWith("/key") ? [rows, numHeads, dKv, 0] : [rows, numHeads, 0, dKv],
        new Float32Array(0),
      );
    const past = keyValueNames(shared.config, "past/").map((name) => [name, none(name)] as const);
    this.ofRows = new ResidentTensors(shared.device, Object.fromEntries(past));
  }

  select(rows: readonly number[]): void {
    this.ofRows.select(rows);
    const firsts = rows.filter((_, i) => i % this.rowsPerInput === 0);
    this.ofInputs.select(firsts.map((row) => Math.floor(row / this.rowsPerInput)));
  }

  dispose(): void {
    this.ofInputs.dispose();
    this.ofRows.dispose();
  }

  protected async step(tokens: Int32Array, ...outputs: string[]): Promise<Record<string, ProgramTensor>> {
    const { config, step } = this.shared;
    const shape = [tokens.length / this.rowsPerInput, this.rowsPerInput];
    const results = await step.run(
      {
        ...this.weights,
        ...(await this.ofInputs.get()),
        ...(await this.ofRows.get()),
        tokens: { dtype: "int32", shape, data: tokens },
      },
      [...outputs, ...keyValueNames(config, "next/")],
    );
    this.ofRows.replace(renamed(results, "next/", "past/"));
    return results;
  }
}

class T5Decoder extends ProgramDecoder {
  readonly vocabularySize: number;
  readonly prompts: readonly (readonly number[])[];

  constructor(
    private readonly shared: Shared,
    private readonly weights: Readonly<Record<string, ProgramTensor>>,
    private readonly rowsPerInput: number,
    private mask: HostTensor<"int32">,
    private memory: Float32Tensor[],
    private readonly cache: KeyValueCache,
  ) {
    super(shared.normalise, shared.device);
    const { vocabSize, decoderStartTokenId } = shared.config;
    this.vocabularySize = vocabSize;
    const [inputs] = mask.shape as [number, number];
    this.prompts = Array.from({ length: inputs * rowsPerInput }, () => [decoderStartTokenId]);
  }

  select(rows: readonly number[]): void {
    this.cache.select(rows);
    const firsts = rows.filter((_, i) => i % this.rowsPerInput === 0);
    const groups = firsts.map((row) => Math.floor(row / this.rowsPerInput));
    this.memory = this.memory.map((tensor) => selectFirst(tensor, groups));
    this.mask = selectFirst(this.mask, groups);
  }

  dispose(): void {
    this.memory = [];
  }

  protected async step(tokens: Int32Array, ...outputs: string[]): Promise<Record<string, ProgramTensor>> {
    const { config, step, positionTable } = this.shared;
    const { cache } = this;
    const own = keyValueNames(config, "own/");
    const results = await step.run(
      {
        ...this.weights,
        tokens: {
          dtype: "int32",
          shape: [tokens.length / this.rowsPerInput, this.rowsPerInput],
          data: tokens,
        },
        pastBias: cacheBias(config, positionTable, cache),
        ownBias: distanceBias(config, positionTable, [0]),
        attentionMask: this.mask,
        ...Object.fromEntries(keyValueNames(config, "memory/").map((name, i) => [name, this.memory[i]!])),
        ...Object.fromEntries(keyValueNames(config, "past/").map((name, i) => [name, cache.tensor(i)])),
      },
      [...outputs, ...own],
    );
    cache.append(own.map((name) => results[name]!.data as Float32Array));
    return results;
  }
}

/** Whether generation multiplies with a parameter; a tied embedding is multiplied with, as the lm_head. */
export function isMultiplied(config: T5Config, name: string): boolean {
  const isHead = name === EMBEDDING && config.tieWordEmbeddings;
  return !name.includes("layer_norm") && (!isTable(name) || isHead);
}

const blocksOf = ({ numDecoderLayers }: T5Config) =>
  Array.from({ length: numDecoderLayers }, (_, block) => block);

/** The names of a program's keys and values, block by block. */
const keyValueNames = (config: T5Config, prefix: string) =>
  blocksOf(config).flatMap((block) => [`${prefix}${block}/key`, `${prefix}${block}/value`]);

/** The decoder's position bias for distances (key − query) of one query, [1, heads, 1, distances]. */
function distanceBias(config: T5Config, table: Float32Tensor, distances: readonly number[]): Float32Tensor {
  const { numHeads, relativeAttentionNumBuckets: buckets, relativeAttentionMaxDistance: farthest } = config;
  const data = new Float32Array(numHeads * distances.length);
  distances.forEach((distance, i) => {
    const bucket = relativePositionBucket(distance, false, buckets, farthest);
    for (let head = 0; head < numHeads; head++) {
      data[head * distances.length + i] = table.data[bucket * numHeads + head]!;
    }
  });
  return float32Tensor([1, numHeads, 1, distances.length], data);
}

/** The bias of the position behind the cache's with every place of the cache; places not filled are masked. */
function cacheBias(
  config: T5Config,
  table: Float32Tensor,
  { length, capacity }: KeyValueCache,
): Float32Tensor {
  const places = Array.from({ length: capacity }, (_, place) => place - length);
  const bias = distanceBias(config, table, places);
  for (let head = 0; head < config.numHeads; head++) {
    bias.data.fill(MASKED, head * capacity + length, (head + 1) * capacity);
  }
  return bias;
}

/** The parts of a tensor along its first dimension that `indices` names, in ascending order, without a copy of the rest. */
function selectFirst<T extends HostTensor<"float32" | "int32">>(tensor: T, indices: readonly number[]): T {
  if (indices.length === tensor.shape[0]) return tensor;
  const [, ...rest] = tensor.shape;
  const size = rest.reduce((product, length) => product * length, 1);
  selectRows(tensor.data, size, indices);
  return {
    ...tensor,
    shape: [indices.length, ...rest],
    data: tensor.data.subarray(0, indices.length * size),
  };
}
