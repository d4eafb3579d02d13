import { endianness } from "node:os";
import { disguise, writeChunksWhole } from "../io";
import { formatHeader, type Header, MAX_HEADER_BYTES, parseHeader, type TensorEntry } from "./header";
import { OpenFile } from "./open-file";
import {
  bytesPerElement,
  convertToFloat32,
  countNonFinite,
  elementCount,
  type ElementType,
  type HostTensor,
  isFloat,
  type TensorData,
  viewElements,
} from "./tensor";

/** Elements converted to float32 at a time, so that a 16-bit file never needs a second copy of a tensor. */
const CHUNK_ELEMENTS = 1 << 18;

/**
 * An open safetensors file (https://github.com/huggingface/safetensors). Opening reads and checks the header only;
 * each tensor is read when asked for, straight into the array that is returned. Close it when done; one that is forgotten is
 * closed when its memory is reclaimed. A file that takes the place of this one is not looked at; one that is written over is
 * an error of the next read.
 */
export class SafetensorsFile {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  private readonly dataStart: number;
  private readonly file: OpenFile;

  /** Opens and checks a file; a malformed one is an Error that names the file and what is wrong in it. */
  constructor(readonly path: string) {
    this.file = new OpenFile(path);
    try {
      const { header, dataStart } = this.readHeader(this.file.size);
      this.dataStart = dataStart;
      this.entries = header.entries;
      this.metadata = header.metadata;
    } catch (cause) {
      this.close();
      const other = disguise(path);
      const problem = other === undefined ? (cause as Error).message : `it ${other}`;
      throw new Error(`${path}: not a valid safetensors file: ${problem}`, { cause });
    }
  }

  /** Reads one tensor as it is stored. */
  read(name: string): HostTensor {
    const entry = this.entry(name);
    return {
      dtype: entry.dtype,
      shape: entry.shape,
      data: this.readElements(name, 0, elementCount(entry.shape)),
    };
  }

  /** Reads rows `[from, to)` of a tensor along its first axis. */
  readRows(name: string, from: number, to: number): HostTensor {
    const { dtype, shape } = this.entry(name);
    const [rows, ...rest] = shape;
    if (
      rows === undefined ||
      !(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= rows)
    ) {
      throw new RangeError(
        `${this.path}: tensor ${name} of shape [${shape.join(", ")}] has no rows ${from} to ${to}`,
      );
    }
    const width = elementCount(rest);
    return { dtype, shape: [to - from, ...rest], data: this.readElements(name, from * width, to * width) };
  }

  /** Reads a floating-point tensor as float32, converting 16-bit and 64-bit floats piece by piece. */
  readFloat32(name: string): HostTensor<"float32"> {
    const { dtype, shape } = this.entry(name);
    if (!isFloat(dtype))
      throw new Error(`${this.path}: tensor ${name} holds ${dtype}, where floats are needed`);
    const count = elementCount(shape);
    if (dtype === "float32") {
      return { dtype, shape, data: this.readElements(name, 0, count) as Float32Array };
    }
    const data = new Float32Array(count);
    for (let from = 0; from < count; from += CHUNK_ELEMENTS) {
      const to = Math.min(from + CHUNK_ELEMENTS, count);
      convertToFloat32(dtype, this.readElements(name, from, to), data.subarray(from, to));
    }
    return { dtype: "float32", shape, data };
  }

  /** Where a tensor's elements begin in the file. */
  offset(name: string): number {
    return this.dataStart + this.entry(name).begin;
  }

  /** How many elements of a floating-point tensor are NaN or infinite as float32; reads it piece by piece. */
  countNonFinite(name: string): number {
    const { shape, dtype } = this.entry(name);
    const count = elementCount(shape);
    const piece = new Float32Array(Math.min(CHUNK_ELEMENTS, count));
    let found = 0;
    for (let from = 0; from < count; from += CHUNK_ELEMENTS) {
      const to = Math.min(from + CHUNK_ELEMENTS, count);
      const values = piece.subarray(0, to - from);
      convertToFloat32(dtype, this.readElements(name, from, to), values);
      found += countNonFinite(values);
    }
    return found;
  }

  /** Whether this is still the file at its path, so that somebody else may open it there. */
  isAtPath(): boolean {
    return this.file.isAtPath();
  }

  close(): void {
    this.file.close();
  }

  private entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`${this.path}: no tensor ${JSON.stringify(name)}`);
    return entry;
  }

  private readElements(name: string, from: number, to: number): TensorData {
    const { dtype, begin } = this.entry(name);
    const width = bytesPerElement(dtype);
    return viewElements(dtype, this.file.read(this.dataStart + begin + from * width, (to - from) * width));
  }

  private readHeader(size: number): { header: Header; dataStart: number } {
    if (size < 8) throw new Error(`${size} bytes are too few for a header`);
    const prefix = this.file.read(0, 8);
    const length = new DataView(prefix.buffer).getBigUint64(0, true);
    if (length > BigInt(MAX_HEADER_BYTES)) {
      throw new Error(`the header length ${length} is above the format's limit of ${MAX_HEADER_BYTES}`);
    }
    const dataStart = 8 + Number(length);
    if (dataStart > size)
      throw new Error(
        `the header ends at byte ${dataStart}, but the file has ${size}: it is cut off; copy or download it again`,
      );
    return { header: parseHeader(this.file.read(8, Number(length)), size - dataStart), dataStart };
  }
}

/** Tensors by name, with the free-form strings that the file carries. */
export interface Safetensors {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads all tensors of a safetensors file. Malformed files are refused with an Error that names file and fault. */
export function readSafetensors(path: string): Safetensors {
  const file = new SafetensorsFile(path);
  try {
    return {
      tensors: new Map([...file.entries.keys()].map((name) => [name, file.read(name)])),
      metadata: file.metadata,
    };
  } finally {
    file.close();
  }
}

/** A tensor without its elements. */
export interface TensorHead {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/**
 * Writes a safetensors file, whole or not at all. Tensors lie in the file by falling element size, then by name, so
 * that each is aligned and equal contents give equal bytes; no second copy of their data is made.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  writeChunksWhole(
    path,
    safetensorsPieces(path, tensors, (name) => tensors.get(name)!, metadata),
  );
}

/**
 * The bytes of the file that {@link writeSafetensors} writes, of tensors that `read` gives one after the other, each once.
 *
 * @param path names the file in errors
 * @throws {Error} if a tensor is not as `heads` says
 */
export function* safetensorsPieces(
  path: string,
  heads: ReadonlyMap<string, TensorHead>,
  read: (name: string) => HostTensor,
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  requireLittleEndian();
  if (heads.has("__metadata__")) throw new Error(`${path}: a tensor cannot be named __metadata__`);
  const inOrder = [...heads].sort(
    ([nameA, a], [nameB, b]) =>
      bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const header = formatHeader(
    inOrder.map(([name, { dtype, shape }]) => {
      return [name, { dtype, shape, bytes: bytesPerElement(dtype) * elementCount(shape) }] as const;
    }),
    metadata,
  );
  if (header.length > MAX_HEADER_BYTES)
    throw new Error(`${path}: a header of ${header.length} bytes is too long`);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(header.length), true);
  yield prefix;
  yield header;
  for (const [name, head] of inOrder) yield elementsOf(path, name, head, read(name));
}

/** The bytes of a tensor that must be of type and shape of `head`. */
function elementsOf(
  path: string,
  name: string,
  head: TensorHead,
  { dtype, shape, data }: HostTensor,
): Uint8Array {
  const needed = elementCount(head.shape);
  if (dtype !== head.dtype || shape.join() !== head.shape.join()) {
    const of = ({ dtype, shape }: TensorHead) => `${dtype} [${shape.join(", ")}]`;
    throw new Error(`${path}: tensor ${name} is ${of({ dtype, shape })}, not ${of(head)}`);
  }
  if (data.length !== needed) {
    throw new Error(
      `${path}: tensor ${name} has ${data.length} elements, but its shape [${shape.join(", ")}] needs ${needed}`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function requireLittleEndian(): void {
  if (endianness() !== "LE")
    throw new Error("safetensors files are little-endian, and so must this machine be");
}
