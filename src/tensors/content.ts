import { createHash } from "node:crypto";
import type { HostTensor } from "./tensor";

/** SHA-256 of named arrays, given one after the other: names, types, shapes and all elements. */
export class ContentHash {
  private readonly hash = createHash("sha256");

  add(name: string, { dtype, shape, data }: HostTensor): void {
    this.hash.update(JSON.stringify([name, dtype, shape]));
    this.hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  digest(): string {
    return this.hash.digest("hex");
  }
}
