/** What a test writes by hand: the bytes of a GGUF file, right or wrong. */
export class GgufBytes {
  private readonly parts: Buffer[] = [];

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return this.raw(bytes);
  }

  u64(value: number | bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.raw(bytes);
  }

  text(text: string | Buffer): this {
    const bytes = Buffer.from(text as string);
    return this.u64(bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    this.parts.push(Buffer.from(bytes));
    return this;
  }

  /** Magic, version and counts. */
  begin(tensors: number | bigint, values: number | bigint, version = 3): this {
    return this.raw(Buffer.from("GGUF")).u32(version).u64(tensors).u64(values);
  }

  tensor(
    name: string,
    dimensions: readonly (number | bigint)[],
    type: number,
    offset: number | bigint,
  ): this {
    this.text(name).u32(dimensions.length);
    for (const size of dimensions) this.u64(size);
    return this.u32(type).u64(offset);
  }

  /** Zeros up to a multiple of `alignment`. */
  align(alignment = 32): this {
    return this.raw(Buffer.alloc((alignment - (this.bytes().length % alignment)) % alignment));
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}
