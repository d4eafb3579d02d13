import { z } from "zod";
import { DYNAMIC_VALUES, NF4_NESTED_BLOCK, NF4_VALUES, nf4BlockSize } from "../../engine";
import {
  countNonFinite,
  elementCount,
  float32Tensor,
  type HostTensor,
  refuseNonFinite,
  type SafetensorsFile,
} from "../../tensors";
import type { RoundedWeight } from "../layers";
import { dequantizeNf4, nf4, NF4_BLOCK, type Nf4Arrays, nf4Tensors } from "../quantization/nf4";
import { requireShape } from "./shapes";

/** A weight that a file keeps as bitsandbytes does. */
export interface PackedWeight {
  readonly path: string;
  readonly shape: readonly number[];
  /** As the scheme `nf4` takes it. */
  rounded(): RoundedWeight;
  /** code · absmax in float32, as bitsandbytes computes it before it rounds to the type that the weight once had. */
  values(): HostTensor<"float32">;
}

const configSchema = z.looseObject({
  quant_method: z.string().optional(),
  load_in_4bit: z.boolean().optional(),
  load_in_8bit: z.boolean().optional(),
  bnb_4bit_quant_type: z.string().optional(),
  bnb_4bit_quant_storage: z.string().optional(),
});

/** Throws unless config.json names no quantisation, or bitsandbytes' NF4. Returns whether it names that. */
function namesNf4(file: Readonly<Record<string, unknown>>, path: string): boolean {
  const given = file["quantization_config"] ?? undefined;
  if (given === undefined) return false;
  const parsed = configSchema.safeParse(given);
  if (!parsed.success)
    throw new Error(`${path}: quantization_config is not understood: ${z.prettifyError(parsed.error)}`);
  const { load_in_4bit: four, load_in_8bit: eight } = parsed.data;
  const method = parsed.data.quant_method ?? (four || eight ? "bitsandbytes" : "of no name");
  const refuse = (what: string) => {
    throw new Error(
      `${path}: quantization_config: weights in ${what} are not read, only those of bitsandbytes in NF4 (4 bits); take the ` +
        `model as it was before it was quantised, whose weights are in 16 or 32 bits, and have it rounded here`,
    );
  };
  if (method !== "bitsandbytes") refuse(JSON.stringify(method));
  if (!four) refuse(eight ? "bitsandbytes' int8 (load_in_8bit)" : "bitsandbytes without load_in_4bit");
  const type = parsed.data.bnb_4bit_quant_type ?? "fp4"; // its default
  if (type !== "nf4") refuse(`bitsandbytes' ${JSON.stringify(type)} (bnb_4bit_quant_type)`);
  const storage = parsed.data.bnb_4bit_quant_storage ?? "uint8";
  if (storage !== "uint8") refuse(`NF4 stored as ${storage} (bnb_4bit_quant_storage)`);
  return true;
}

const STATE = ".quant_state.bitsandbytes__";

const stateSchema = z.looseObject({
  quant_type: z.literal("nf4"),
  blocksize: z.union([32, 64, 128, 256, 512, 1024, 2048, 4096].map((size) => z.literal(size))),
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  nested_blocksize: z.literal(NF4_NESTED_BLOCK).optional(),
  nested_offset: z.number().optional(),
});

/**
 * Takes the tensors of NF4 weights out of `files`, which maps each tensor to its file, and returns the weights by name. Tensors
 * that are missing, misshapen or of another map are an Error that names file and tensor; those that are not finite are when the
 * weight is read. Any other quantisation that config.json names is refused.
 */
export function takePackedWeights(
  configFile: Readonly<Record<string, unknown>>,
  configPath: string,
  files: Map<string, SafetensorsFile>,
): Map<string, PackedWeight> {
  const isNamed = namesNf4(configFile, configPath);
  const packed = new Map<string, PackedWeight>();
  for (const [stateName, file] of [...files]) {
    const at = stateName.indexOf(STATE);
    if (at < 0) continue;
    const weight = stateName.slice(0, at);
    const type = stateName.slice(at + STATE.length);
    if (type !== "nf4")
      throw new Error(`${file.path}: tensor ${weight} is in bitsandbytes' ${type}; only nf4 is read`);
    packed.set(weight, packedWeight(weight, stateName, files));
    const suffixes = ["", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", `${STATE}nf4`];
    for (const suffix of suffixes) files.delete(weight + suffix);
  }
  if (isNamed && packed.size === 0) {
    throw new Error(
      `${configPath}: quantization_config says NF4, but no tensor is in it; remove it, and have the weights rounded here`,
    );
  }
  return packed;
}

/** Throws if a weight is not a parameter, or of another shape. */
export function requireShapes(
  packed: ReadonlyMap<string, PackedWeight>,
  expected: ReadonlyMap<string, readonly number[]>,
): void {
  for (const [name, { path, shape }] of packed) {
    const wanted = expected.get(name);
    if (!wanted) throw new Error(`${path}: ${name} is not a parameter of this config.json`);
    requireShape(path, name, shape, wanted);
  }
}

/** A config.json as it is of the model that is not quantised. */
export function withoutQuantization(
  file: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(file).filter(([field]) => field !== "quantization_config"));
}

function packedWeight(
  weight: string,
  stateName: string,
  files: ReadonlyMap<string, SafetensorsFile>,
): PackedWeight {
  const { path } = files.get(stateName)!;
  const state = parseState(files.get(stateName)!, stateName);
  const { shape, blocksize, nested_offset: offset } = state;
  const count = elementCount(shape);
  const blocks = Math.ceil(count / blocksize);
  const isNested = offset !== undefined;
  const need = (name: string, dtype: string, elements: number) => {
    const file = files.get(name);
    if (!file) throw new Error(`${path}: tensor ${name} is missing, which the NF4 weight ${weight} needs`);
    const entry = file.entries.get(name)!;
    if (entry.dtype !== dtype || elementCount(entry.shape) !== elements) {
      throw new Error(
        `${file.path}: tensor ${name} is ${entry.dtype} [${entry.shape.join(", ")}], but the NF4 weight of shape ` +
          `[${shape.join(", ")}] in blocks of ${blocksize} needs ${dtype} of ${elements} elements`,
      );
    }
    return () => file.read(name).data;
  };
  const codes = need(weight, "uint8", Math.ceil(count / 2));
  const absmax = need(`${weight}.absmax`, isNested ? "uint8" : "float32", blocks);
  const maps = [{ name: `${weight}.quant_map`, values: NF4_VALUES }];
  const groups = Math.ceil(blocks / NF4_NESTED_BLOCK);
  const nestedAbsmax = isNested ? need(`${weight}.nested_absmax`, "float32", groups) : undefined;
  if (isNested) maps.push({ name: `${weight}.nested_quant_map`, values: DYNAMIC_VALUES });
  for (const { name, values } of maps) {
    const stored = need(name, "float32", values.length)() as Float32Array;
    const other = values.findIndex((value, i) => !(Math.abs(stored[i]! - value) <= 1e-6 * Math.abs(value)));
    if (other < 0) continue;
    throw new Error(
      `${files.get(name)!.path}: tensor ${name} is not bitsandbytes' map: element ${other} is ${stored[other]}, not ${values[other]}`,
    );
  }
  const arrays = (): Nf4Arrays => {
    const sizes = absmax() as Uint8Array | Float32Array;
    const outer = nestedAbsmax?.() as Float32Array | undefined;
    const floats = outer ?? (sizes as Float32Array);
    const name = `${weight}.${outer ? "nested_absmax" : "absmax"}`;
    refuseNonFinite(path, name, countNonFinite(floats), floats.length);
    return inSmallBlocks(count, blocksize, {
      codes: codes() as Uint8Array,
      absmax: sizes,
      ...(outer && { nested: { absmax: outer, offset: Float32Array.of(offset!) } }),
    });
  };
  return {
    path,
    shape,
    rounded: () => ({ scheme: nf4.name, tensors: nf4Tensors(weight, shape, arrays()) }),
    values: () => float32Tensor(shape, dequantizeNf4(shape, arrays())),
  };
}

function parseState(file: SafetensorsFile, name: string): z.infer<typeof stateSchema> {
  const { dtype, data } = file.read(name);
  const fault = (problem: string): never => {
    throw new Error(`${file.path}: tensor ${name} is not the JSON that bitsandbytes writes: ${problem}`);
  };
  if (dtype !== "uint8") fault(`it holds ${dtype}, not bytes`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data as Uint8Array));
  } catch (error) {
    return fault((error as Error).message);
  }
  const parsed = stateSchema.safeParse(json);
  if (!parsed.success) return fault(z.prettifyError(parsed.error));
  const { shape, nested_offset: offset } = parsed.data;
  if (!Number.isSafeInteger(elementCount(shape))) fault(`shape [${shape.join(", ")}] is too large`);
  if (offset !== undefined && !Number.isFinite(Math.fround(offset)))
    fault(`nested_offset ${offset} is not finite`);
  return parsed.data;
}

/** Larger blocks as the blocks of 64 that they are made of, which have the same absmax. */
function inSmallBlocks(count: number, blockSize: number, arrays: Nf4Arrays): Nf4Arrays {
  if (blockSize <= NF4_BLOCK) return arrays;
  const { codes, absmax, nested } = arrays;
  const times = blockSize / NF4_BLOCK;
  const repeated = <T extends Uint8Array | Float32Array>(values: T, length: number): T =>
    (values instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)).map(
      (_, i) => values[Math.floor(i / times)]!,
    ) as T;
  const blocks = Math.ceil(count / NF4_BLOCK);
  return {
    codes,
    absmax: repeated(absmax, blocks),
    ...(nested && {
      nested: {
        absmax: repeated(nested.absmax, Math.ceil(blocks / NF4_NESTED_BLOCK)),
        offset: nested.offset,
      },
    }),
  };
}

/** The tensors that bitsandbytes saves for a weight [out, in]. */
export function packedTensors(
  name: string,
  shape: readonly number[],
  { codes, absmax, nested }: Nf4Arrays,
): Record<string, HostTensor> {
  const count = elementCount(shape);
  const bytes = Math.ceil(count / 2);
  const state = {
    quant_type: "nf4",
    blocksize: nf4BlockSize(count, absmax.length),
    dtype: "float32",
    shape,
    ...(nested && {
      nested_blocksize: NF4_NESTED_BLOCK,
      nested_dtype: "float32",
      nested_offset: nested.offset[0],
    }),
  };
  const json = new Uint8Array(Buffer.from(JSON.stringify(state)));
  const uint8 = (data: Uint8Array, shape: readonly number[]): HostTensor => ({ dtype: "uint8", shape, data });
  return {
    [name]: uint8((codes as Uint8Array).subarray(0, bytes), [bytes, 1]),
    [`${name}.absmax`]:
      absmax instanceof Float32Array
        ? float32Tensor([absmax.length], absmax)
        : uint8(absmax, [absmax.length]),
    [`${name}.quant_map`]: float32Tensor([NF4_VALUES.length], NF4_VALUES),
    ...(nested && {
      [`${name}.nested_absmax`]: float32Tensor([nested.absmax.length], nested.absmax as Float32Array),
      [`${name}.nested_quant_map`]: float32Tensor([DYNAMIC_VALUES.length], DYNAMIC_VALUES),
    }),
    [`${name}${STATE}nf4`]: uint8(json, [json.length]),
  };
}
