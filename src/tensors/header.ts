import { bytesPerElement, type ElementType } from "./tensor";

/** The format's names of element types, and ours. */
const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U64", "uint64"],
  ["U32", "uint32"],
  ["U16", "uint16"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);
const NAMES = new Map([...TYPES].map(([name, type]) => [type, name]));

/** The largest header the format allows, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Where a tensor lies: its type, its shape, and its bytes `[begin, end)` counted from the end of the header. */
export interface TensorEntry {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Parses a safetensors header and holds it to the format: a JSON object from the first byte on, no repeated key, known
 * element types, offsets in order without hole or overlap that fill `dataBytes` exactly, and sizes that equal shape ×
 * element. Throws an Error that says what is wrong.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number): Header {
  if (bytes[0] !== 0x7b) throw new Error("the header does not begin with {");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("the header is not UTF-8");
  }
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`the header is not JSON (${(cause as Error).message})`, { cause });
  }
  refuseRepeatedKeys(text);

  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = parseMetadata(value);
    else entries.set(name, parseEntry(name, value));
  }
  refuseHolesAndOverlaps(entries, dataBytes);
  return { entries, metadata };
}

function parseMetadata(value: unknown): Record<string, string> {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== "string")) {
    throw new Error("__metadata__ is not an object of strings");
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown): TensorEntry {
  const at = `tensor ${JSON.stringify(name)}`;
  if (!isObject(value)) throw new Error(`${at}: not an object`);
  const extra = Object.keys(value).find((key) => !["dtype", "shape", "data_offsets"].includes(key));
  if (extra !== undefined) throw new Error(`${at}: unknown field ${JSON.stringify(extra)}`);
  const dtype = TYPES.get(String(value.dtype));
  if (dtype === undefined || typeof value.dtype !== "string") {
    throw new Error(`${at}: unsupported element type ${JSON.stringify(value.dtype)}`);
  }
  if (!isListOfSizes(value.shape)) throw new Error(`${at}: shape is not a list of sizes`);
  if (!isListOfSizes(value.data_offsets) || value.data_offsets.length !== 2) {
    throw new Error(`${at}: data_offsets is not a pair of byte offsets`);
  }
  const [begin, end] = value.data_offsets as [number, number];
  const bytes = value.shape.reduce((product, size) => product * BigInt(size), BigInt(bytesPerElement(dtype)));
  if (begin > end || bytes !== BigInt(end - begin)) {
    throw new Error(
      `${at}: ${value.dtype} of shape [${value.shape.join(", ")}] takes ${bytes} bytes, but its offsets are ${begin} to ${end}`,
    );
  }
  return { dtype, shape: value.shape, begin, end };
}

function refuseHolesAndOverlaps(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let reached = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== reached) {
      const problem = begin < reached ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new Error(`tensor ${JSON.stringify(name)} ${problem}: it begins at ${begin}, not at ${reached}`);
    }
    reached = end;
  }
  if (reached !== dataBytes) {
    const what = `the tensors take ${reached} bytes, but the file holds ${dataBytes}`;
    throw new Error(reached > dataBytes ? `${what}: it is cut off; copy or download it again` : what);
  }
}

/** `text` is known to be valid JSON; JSON.parse would keep the last of two equal keys silently. */
function refuseRepeatedKeys(text: string): void {
  const open: Set<string>[] = [];
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/gs)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(string!) as string;
      const keys = open[open.length - 1]!;
      if (keys.has(key)) throw new Error(`the key ${JSON.stringify(key)} occurs twice`);
      keys.add(key);
    }
  }
}

/** The header of a file with these tensors one after the other, padded with spaces to a multiple of 8 bytes. */
export function formatHeader(
  tensors: Iterable<
    readonly [string, { readonly dtype: ElementType; readonly shape: readonly number[]; bytes: number }]
  >,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields: [string, unknown][] = Object.keys(metadata).length ? [["__metadata__", metadata]] : [];
  let reached = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    fields.push([name, { dtype: NAMES.get(dtype), shape, data_offsets: [reached, (reached += bytes)] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(fields)));
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  header.set(json);
  return header;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
