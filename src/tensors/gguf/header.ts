import { MAX_HEADER_BYTES } from "../header";
import { type GgufScalar, type GgufValue, type ScalarType, VALUE_TYPES } from "./metadata";
import { type GgufType, ggufType } from "./types";

/** Where a tensor lies: its type, its shape (row-major, outermost axis first), and its bytes from the file's beginning. */
export interface GgufEntry {
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly values: ReadonlyMap<string, GgufValue>;
  readonly entries: ReadonlyMap<string, GgufEntry>;
}

/** Something whose bytes can be read at a place. */
export interface ByteSource {
  readonly size: number;
  read(position: number, length: number): Uint8Array;
}

/** What the format or llama.cpp allows. */
const MAX_NAME_BYTES = 64;
const MAX_KEY_BYTES = 65535;
const MAX_DIMENSIONS = 4;
const MAX_ARRAY_ELEMENTS = 1 << 24;
const DEFAULT_ALIGNMENT = 32;

/** The fewest bytes that a metadata entry and a tensor's description take. */
const LEAST_VALUE = 8 + 1 + 4 + 1;
const LEAST_TENSOR = 8 + 1 + 4 + 8 + 4 + 8;

/** Bytes read from the file at a time. */
const WINDOW = 1 << 20;

/**
 * Reads the header of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), version 2 or 3, whose
 * layouts are the same, and holds it to the format: no repeated key or tensor, known types, aligned tensors that lie in
 * the file without overlap. A length is compared with what is left of the file before anything of that length is made.
 * Throws an Error that says what is wrong, and at which byte.
 */
export function parseGgufHeader(source: ByteSource): GgufHeader {
  const cursor = new Cursor(source);
  const magic = Buffer.from(cursor.take(Math.min(4, source.size), "the magic number")).toString("latin1");
  if (magic !== "GGUF") throw new Error(`it begins with ${JSON.stringify(magic)}, not with "GGUF"`);
  const version = cursor.number("uint32", "the version");
  if (version !== 2 && version !== 3) throw new Error(unknownVersion(version));
  const tensorCount = cursor.length("the number of tensors", LEAST_TENSOR);
  const valueCount = cursor.length("the number of metadata entries", LEAST_VALUE);

  const values = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.string(`the key of metadata entry ${i + 1} of ${valueCount}`, MAX_KEY_BYTES);
    if (key === "") throw new Error(`metadata entry ${i + 1} of ${valueCount} has no key`);
    if (values.has(key)) throw new Error(`the metadata key ${JSON.stringify(key)} occurs twice`);
    values.set(key, readValue(cursor, key));
  }
  const alignment = alignmentOf(values);

  const described = new Map<string, Omit<GgufEntry, "begin"> & { offset: bigint }>();
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.string(`the name of tensor ${i + 1} of ${tensorCount}`, MAX_NAME_BYTES);
    if (described.has(name)) throw new Error(`the tensor ${JSON.stringify(name)} occurs twice`);
    described.set(name, readTensor(cursor, name));
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const entries = new Map<string, GgufEntry>();
  for (const [name, { type, shape, bytes, offset }] of described) {
    const at = `tensor ${JSON.stringify(name)}`;
    if (offset % BigInt(alignment) !== 0n)
      throw new Error(
        `${at} begins at ${offset} of the data, which is no multiple of the alignment ${alignment}`,
      );
    const end = BigInt(dataStart) + offset + BigInt(bytes);
    if (end > BigInt(source.size)) {
      const what = `${at} (${type.name}, ${bytes} bytes) ends at byte ${end}, but the file has ${source.size}`;
      throw new Error(`${what}: it is cut off; copy or download it again`);
    }
    entries.set(name, { type, shape, bytes, begin: dataStart + Number(offset) });
  }
  refuseOverlaps(entries);
  return { values, entries };
}

function unknownVersion(version: number): string {
  if (version !== 0 && (version & 0xffff) === 0) {
    return "it is big-endian, and only little-endian files are read; convert it with gguf-py's gguf-convert-endian";
  }
  const remedy = version === 1 ? "; convert the model again with a newer llama.cpp" : "";
  return `GGUF version ${version} is not read, only 2 and 3${remedy}`;
}

function alignmentOf(values: ReadonlyMap<string, GgufValue>): number {
  const found = values.get("general.alignment");
  if (!found) return DEFAULT_ALIGNMENT;
  const { type, value } = found;
  if (type !== "uint32" || typeof value !== "number" || value === 0 || (value & (value - 1)) !== 0)
    throw new Error(`general.alignment is not a power of 2 of type uint32 (${type})`);
  return value;
}

function readValue(cursor: Cursor, key: string): GgufValue {
  const what = `the value of ${JSON.stringify(key)}`;
  const type = readType(cursor, what);
  if (type !== "array") return { type, value: cursor.scalar(type, what) };
  const of = readType(cursor, what);
  if (of === "array") throw new Error(`${what} is a list of lists, which is not read`);
  const count = cursor.length(what, LEAST_BYTES[of]);
  if (count > MAX_ARRAY_ELEMENTS)
    throw new Error(`${what} is a list of ${count}; at most ${MAX_ARRAY_ELEMENTS} are read`);
  return { type, of, value: cursor.list(of, count, what) };
}

function readType(cursor: Cursor, what: string): (typeof VALUE_TYPES)[number] {
  const number = cursor.number("uint32", what);
  const type = VALUE_TYPES[number];
  if (type === undefined) throw new Error(`${what} is of the unknown type ${number}`);
  return type;
}

function readTensor(cursor: Cursor, name: string): Omit<GgufEntry, "begin"> & { offset: bigint } {
  const at = `tensor ${JSON.stringify(name)}`;
  const rank = cursor.number("uint32", at);
  if (rank < 1 || rank > MAX_DIMENSIONS)
    throw new Error(`${at} has ${rank} dimensions; from 1 to ${MAX_DIMENSIONS} are read`);
  const dimensions = Array.from({ length: rank }, () => cursor.scalar("uint64", at) as bigint);
  const id = cursor.number("uint32", at);
  const type = ggufType(id);
  if (!type) throw new Error(`${at} is of the unknown type ${id}`);
  const offset = cursor.scalar("uint64", at) as bigint;
  const [innermost] = dimensions as [bigint];
  const written = `${type.name} of ${dimensions.join(" × ")}`;
  if (dimensions.includes(0n)) throw new Error(`${at}, ${written}, has no elements`);
  if (innermost % BigInt(type.block) !== 0n)
    throw new Error(`${at}, ${written}: its rows are not whole blocks of ${type.block}`);
  const count = dimensions.reduce((product, size) => product * size, 1n);
  const bytes = (count / BigInt(type.block)) * BigInt(type.bytes);
  if (bytes > BigInt(cursor.source.size)) {
    throw new Error(
      `${at}, ${written}, takes ${bytes} bytes, but the file has ${cursor.source.size}: it is cut off or damaged; copy or download it again`,
    );
  }
  return { type, shape: dimensions.map(Number).reverse(), bytes: Number(bytes), offset };
}

function refuseOverlaps(entries: ReadonlyMap<string, GgufEntry>): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin);
  inOrder.forEach(([name, { begin }], i) => {
    const before = inOrder[i - 1];
    if (!before || before[1].begin + before[1].bytes <= begin) return;
    throw new Error(
      `the tensors ${JSON.stringify(before[0])} and ${JSON.stringify(name)} overlap at byte ${begin}`,
    );
  });
}

/** The fewest bytes that a value of each type takes. */
const LEAST_BYTES: Readonly<Record<ScalarType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 8,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** The array that holds a list of numbers. */
const LISTS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const;

/** Goes through a file from its beginning, a window at a time. */
class Cursor {
  position = 0;
  private window = new Uint8Array(0);
  private windowStart = 0;
  private readonly end: number;
  private readonly utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(readonly source: ByteSource) {
    this.end = Math.min(source.size, MAX_HEADER_BYTES);
  }

  /** The next `length` bytes, valid until the next call. */
  take(length: number, what: string): Uint8Array {
    this.require(length, what);
    const { position } = this;
    this.position += length;
    if (length > WINDOW) return this.source.read(position, length);
    if (position < this.windowStart || position + length > this.windowStart + this.window.length) {
      this.window = Uint8Array.from(this.source.read(position, Math.min(WINDOW, this.end - position)));
      this.windowStart = position;
    }
    return this.window.subarray(position - this.windowStart, position - this.windowStart + length);
  }

  /** A count or length of things of at least `least` bytes each, which must still fit in the file. */
  length(what: string, least: number): number {
    const count = this.scalar("uint64", what) as bigint;
    if (count * BigInt(least) > BigInt(this.end - this.position)) this.require(count * BigInt(least), what);
    return Number(count);
  }

  string(what: string, most = MAX_HEADER_BYTES): string {
    const length = this.length(what, 1);
    if (length > most) throw new Error(`${what} has ${length} bytes; at most ${most} are read`);
    const bytes = this.take(length, what);
    try {
      return this.utf8.decode(bytes);
    } catch {
      throw new Error(`${what} is not UTF-8 (at byte ${this.position - length})`);
    }
  }

  number(type: "uint32", what: string): number {
    return this.scalar(type, what) as number;
  }

  scalar(type: ScalarType, what: string): GgufScalar {
    if (type === "string") return this.string(what);
    const bytes = this.take(LEAST_BYTES[type], what);
    if (type === "bool") return truth(bytes[0]!, what);
    return new LISTS[type](bytes.slice().buffer)[0]!;
  }

  list(type: ScalarType, count: number, what: string): ArrayLike<GgufScalar> {
    if (type === "string")
      return Array.from({ length: count }, (_, i) => this.string(`element ${i} of ${what}`));
    const bytes = this.take(count * LEAST_BYTES[type], what);
    if (type === "bool") return Array.from(bytes, (byte) => truth(byte, what));
    return new LISTS[type](bytes.slice().buffer);
  }

  private require(length: number | bigint, what: string): void {
    if (BigInt(this.position) + BigInt(length) <= BigInt(this.end)) return;
    const needed = `${what}, from byte ${this.position} on, needs ${length} bytes`;
    throw new Error(
      this.end < this.source.size
        ? `${needed}, beyond the ${MAX_HEADER_BYTES} bytes of a header that are read`
        : `${needed}, but the file has ${this.source.size}: it is cut off or damaged; copy or download it again`,
    );
  }
}

function truth(byte: number, what: string): boolean {
  if (byte > 1) throw new Error(`${what} is neither true nor false but ${byte}`);
  return byte === 1;
}
