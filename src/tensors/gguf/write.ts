import { writeChunksWhole } from "../../io";
import { toBfloat16Bits, toFloat16Bits } from "../half";
import { countNonFinite, convertToFloat32, elementCount, refuseNonFinite } from "../tensor";
import { BLOCK, encodeQ8 } from "./blocks";
import { type GgufScalar, type GgufValue, type ScalarType, VALUE_TYPES } from "./metadata";
import { type GgufType, namedType } from "./types";

/** The types that tensors can be written in. */
export type GgufWriteType = "F32" | "F16" | "BF16" | "Q8_0";

/** A tensor to be written: its shape, and its values when they are asked for. */
export interface GgufTensor {
  readonly type: GgufWriteType;
  readonly shape: readonly number[];
  values(): Float32Array;
}

const ALIGNMENT = 32;

/** Elements that are converted at a time: whole blocks. */
const PIECE_ELEMENTS = 1 << 18;

/**
 * Writes a GGUF file of version 3, whole or not at all. Each tensor's values are asked for once, in order, and converted
 * piece by piece. Rows that are not whole blocks, and values that a type cannot hold, are an Error that names the tensor.
 */
export function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, GgufTensor>,
): void {
  writeChunksWhole(path, ggufChunks(path, metadata, tensors));
}

function* ggufChunks(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, GgufTensor>,
): Generator<Uint8Array> {
  const header = new Bytes();
  header.raw(Buffer.from("GGUF"));
  header.number("uint32", 3);
  header.number("uint64", BigInt(tensors.size));
  header.number("uint64", BigInt(metadata.size));
  for (const [key, value] of metadata) {
    header.string(key);
    header.value(value);
  }
  let offset = 0;
  for (const [name, { type, shape }] of tensors) {
    const stored = namedType(type);
    if (Buffer.byteLength(name) > 64) throw new Error(`${path}: the name ${name} has more than 64 bytes`);
    if (shape.length < 1 || shape.length > 4)
      throw new Error(`${path}: tensor ${name} has ${shape.length} dimensions, not 1 to 4`);
    if (shape[shape.length - 1]! % stored.block !== 0)
      throw new Error(
        `${path}: tensor ${name} has rows of ${shape[shape.length - 1]}, not of whole blocks of ${BLOCK}`,
      );
    header.string(name);
    header.number("uint32", shape.length);
    for (const size of [...shape].reverse()) header.number("uint64", BigInt(size));
    header.number("uint32", stored.id);
    header.number("uint64", BigInt(offset));
    offset += padded(bytesOf(stored, shape));
  }
  yield* header.chunks();
  yield new Uint8Array(padded(header.length) - header.length);

  for (const [name, tensor] of tensors) {
    const values = tensor.values();
    const count = elementCount(tensor.shape);
    if (values.length !== count)
      throw new Error(`${path}: tensor ${name} has ${values.length} values, but its shape needs ${count}`);
    refuseNonFinite(path, name, countNonFinite(values), count);
    for (let from = 0; from < count; from += PIECE_ELEMENTS)
      yield encode(path, name, tensor.type, values.subarray(from, from + PIECE_ELEMENTS));
    const bytes = bytesOf(namedType(tensor.type), tensor.shape);
    yield new Uint8Array(padded(bytes) - bytes);
  }
}

const padded = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const bytesOf = ({ block, bytes }: GgufType, shape: readonly number[]) =>
  (elementCount(shape) / block) * bytes;

function encode(path: string, name: string, type: GgufWriteType, values: Float32Array): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (type === "Q8_0") {
    const bytes = encodeQ8(values);
    for (let at = 0; at < bytes.length; at += BLOCK + 2)
      if ((bytes[at + 1]! & 0x7c) === 0x7c) throw new Error(tooLarge(path, name, type));
    return bytes;
  }
  const bits = type === "F16" ? toFloat16Bits(values) : toBfloat16Bits(values);
  const again = new Float32Array(bits.length);
  convertToFloat32(type === "F16" ? "float16" : "bfloat16", bits, again);
  if (countNonFinite(again) > 0) throw new Error(tooLarge(path, name, type));
  return new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
}

const tooLarge = (path: string, name: string, type: GgufWriteType) =>
  `${path}: tensor ${name} has values that are too large for ${type}; write it as F32`;

/** A header as it grows. */
class Bytes {
  length = 0;
  private readonly parts: Uint8Array[] = [];

  raw(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  number(type: ScalarType, value: GgufScalar): void {
    this.raw(scalarBytes(type, value));
  }

  string(text: string): void {
    const bytes = Buffer.from(text);
    this.number("uint64", BigInt(bytes.length));
    this.raw(bytes);
  }

  value(value: GgufValue): void {
    const typeNumber = (type: (typeof VALUE_TYPES)[number]) =>
      this.number("uint32", VALUE_TYPES.indexOf(type));
    typeNumber(value.type);
    if (value.type !== "array") return this.element(value.type, value.value);
    typeNumber(value.of);
    this.number("uint64", BigInt(value.value.length));
    for (let i = 0; i < value.value.length; i++) this.element(value.of, value.value[i]!);
  }

  /** The bytes in a few pieces: writing each number by itself would be slow. */
  *chunks(): Generator<Uint8Array> {
    for (let i = 0; i < this.parts.length; i += 4096) yield Buffer.concat(this.parts.slice(i, i + 4096));
  }

  private element(type: ScalarType, value: GgufScalar): void {
    if (type === "string") this.string(value as string);
    else this.number(type, value);
  }
}

function scalarBytes(type: ScalarType, value: GgufScalar): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  const number = Number(value);
  const written = (bytes: number) => new Uint8Array(view.buffer, 0, bytes);
  switch (type) {
    case "uint8":
    case "bool":
      view.setUint8(0, number);
      return written(1);
    case "int8":
      view.setInt8(0, number);
      return written(1);
    case "uint16":
      view.setUint16(0, number, true);
      return written(2);
    case "int16":
      view.setInt16(0, number, true);
      return written(2);
    case "uint32":
      view.setUint32(0, number, true);
      return written(4);
    case "int32":
      view.setInt32(0, number, true);
      return written(4);
    case "float32":
      view.setFloat32(0, number, true);
      return written(4);
    case "float64":
      view.setFloat64(0, number, true);
      return written(8);
    case "uint64":
      view.setBigUint64(0, BigInt(value), true);
      return written(8);
    case "int64":
      view.setBigInt64(0, BigInt(value), true);
      return written(8);
    case "string":
      throw new TypeError("a text is no number");
  }
}
