import { closeSync, existsSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { endianness } from "node:os";

/** Closes the files that nobody closed before they were forgotten: a cell that is run again forgets what it opened. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/**
 * An open file of tensors, whose bytes are read when asked for. Close it when done; one that is forgotten is closed when its
 * memory is reclaimed. A file that takes the place of this one is not looked at; one that is written over is an error of the
 * next read.
 */
export class OpenFile {
  private readonly opened: Stats;
  private descriptor: number | undefined;

  constructor(readonly path: string) {
    if (endianness() !== "LE")
      throw new Error(`${path}: files of tensors are little-endian, and so must this machine be`);
    if (!existsSync(path)) throw new Error(`${path}: no such file`);
    if (statSync(path).isDirectory()) throw new Error(`${path}: a folder, where a file is needed`);
    this.descriptor = openSync(path, "r");
    this.opened = fstatSync(this.descriptor);
    forgotten.register(this, this.descriptor, this);
  }

  get size(): number {
    return this.opened.size;
  }

  /** Bytes `[position, position + length)`, in a buffer of their own. What lies outside of the file is an Error. */
  read(position: number, length: number): Uint8Array {
    if (this.descriptor === undefined) throw new Error(`${this.path}: already closed`);
    const { size, mtimeMs } = fstatSync(this.descriptor);
    if (size !== this.opened.size || mtimeMs !== this.opened.mtimeMs)
      throw new Error(`${this.path}: was written over after it was opened; open it again`);
    if (position + length > size)
      throw new Error(`${this.path}: ends at byte ${size}, before byte ${position + length}`);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const most = Math.min(length - done, 1 << 30);
      const got = readSync(this.descriptor, bytes, done, most, position + done);
      if (got === 0) throw new Error(`${this.path}: ends at byte ${position + done}, before its tensors do`);
      done += got;
    }
    return bytes;
  }

  /** Whether this is still the file at its path, so that somebody else may open it there. */
  isAtPath(): boolean {
    const there = statSync(this.path, { throwIfNoEntry: false });
    return there !== undefined && there.dev === this.opened.dev && there.ino === this.opened.ino;
  }

  close(): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    forgotten.unregister(this);
    this.descriptor = undefined;
  }
}
