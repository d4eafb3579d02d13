import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { endianness } from "node:os";

/** An open binary file whose bytes are read when asked for. Close it when done. */
export class OpenFile {
  readonly size: number;
  private descriptor: number | undefined;

  constructor(readonly path: string) {
    if (endianness() !== "LE")
      throw new Error(`${path}: files of tensors are little-endian, and so must this machine be`);
    if (!existsSync(path)) throw new Error(`${path}: no such file`);
    if (statSync(path).isDirectory()) throw new Error(`${path}: a folder, where a file is needed`);
    this.descriptor = openSync(path, "r");
    this.size = fstatSync(this.descriptor).size;
  }

  /** Bytes `[position, position + length)`, in a buffer of their own. What lies outside of the file is an Error. */
  read(position: number, length: number): Uint8Array {
    if (this.descriptor === undefined) throw new Error(`${this.path}: already closed`);
    if (position + length > this.size)
      throw new Error(`${this.path}: ends at byte ${this.size}, before byte ${position + length}`);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const most = Math.min(length - done, 1 << 30);
      const got = readSync(this.descriptor, bytes, done, most, position + done);
      if (got === 0) throw new Error(`${this.path}: ends at byte ${position + done}, before its tensors do`);
      done += got;
    }
    return bytes;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}
