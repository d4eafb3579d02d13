import { disguise } from "../../io";
import { OpenFile } from "../open-file";
import { countNonFinite, elementCount, type HostTensor } from "../tensor";
import { type BlockCodes, blockCodes, decodeBlocks, isBlockType, isReadable } from "./blocks";
import { type GgufEntry, parseGgufHeader } from "./header";
import { GgufMetadata } from "./metadata";

/** Bytes of a tensor that are read and decoded at a time, at most. */
const PIECE_BYTES = 1 << 20;

/**
 * An open GGUF file. Opening reads and checks the header only; each tensor is read when asked for, a piece at a time into
 * the array that is returned. Close it when done.
 */
export class GgufFile {
  readonly entries: ReadonlyMap<string, GgufEntry>;
  readonly metadata: GgufMetadata;
  private readonly file: OpenFile;

  /** Opens and checks a file; a malformed one is an Error that names the file and what is wrong in it. */
  constructor(readonly path: string) {
    this.file = new OpenFile(path);
    try {
      const { entries, values } = parseGgufHeader(this.file);
      this.entries = entries;
      this.metadata = new GgufMetadata(path, values);
    } catch (cause) {
      const isGguf = this.file.size >= 4 && Buffer.from(this.file.read(0, 4)).toString("latin1") === "GGUF";
      this.close();
      const other = isGguf ? undefined : disguise(path);
      const problem = other === undefined ? (cause as Error).message : `it ${other}`;
      throw new Error(`${path}: not a valid GGUF file: ${problem}`, { cause });
    }
  }

  /** Whether a tensor is of a type that {@link readFloat32} reads. */
  isReadable(name: string): boolean {
    return isReadable(this.entry(name).type);
  }

  /** Reads a tensor of floats or of blocks (Q8_0, Q4_0, Q4_1) as float32. Other types are refused by name. */
  readFloat32(name: string): HostTensor<"float32"> {
    const { type, shape } = this.readable(name);
    const data = new Float32Array(elementCount(shape));
    let done = 0;
    for (const bytes of this.pieces(name)) {
      const count = (bytes.length / type.bytes) * type.block;
      decodeBlocks(type, bytes, data.subarray(done, done + count));
      done += count;
    }
    return { dtype: "float32", shape, data };
  }

  /** The codes of a tensor in blocks as they are stored; undefined for one of another type. */
  readCodes(name: string): BlockCodes | undefined {
    const { type, begin, bytes } = this.entry(name);
    return isBlockType(type) ? blockCodes(type, this.file.read(begin, bytes)) : undefined;
  }

  /** How many of a tensor's values are NaN or infinite; reads it piece by piece. */
  countNonFinite(name: string): number {
    const { type } = this.readable(name);
    let found = 0;
    for (const bytes of this.pieces(name)) {
      const values = new Float32Array((bytes.length / type.bytes) * type.block);
      decodeBlocks(type, bytes, values);
      found += countNonFinite(values);
    }
    return found;
  }

  /** Whether this is still the file at its path. */
  isAtPath(): boolean {
    return this.file.isAtPath();
  }

  close(): void {
    this.file.close();
  }

  private entry(name: string): GgufEntry {
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`${this.path}: no tensor ${JSON.stringify(name)}`);
    return entry;
  }

  private readable(name: string): GgufEntry {
    const entry = this.entry(name);
    if (isReadable(entry.type)) return entry;
    throw new Error(`${this.path}: tensor ${name} is ${entry.type.name}, ${UNREAD}`);
  }

  private *pieces(name: string): Generator<Uint8Array> {
    const { type, begin, bytes } = this.entry(name);
    const step = Math.floor(PIECE_BYTES / type.bytes) * type.bytes;
    for (let at = 0; at < bytes; at += step) yield this.file.read(begin + at, Math.min(step, bytes - at));
  }
}

/** What is said of types that are not read. */
export const UNREAD =
  "which is not read (F32, F16, BF16, Q8_0, Q4_0 and Q4_1 are); take the model's Q8_0 or F16 file, or convert this one " +
  "with llama.cpp: llama-quantize --allow-requantize IN.gguf OUT.gguf Q8_0";
