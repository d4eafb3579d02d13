import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ByteSource, parseGgufHeader } from "../../../src/tensors/gguf/header";
import { GgufBytes } from "./gguf-bytes";

const file = () => new GgufBytes();

/** Bytes as a file, which refuses to be read outside and counts what is asked for. */
function sourceOf(bytes: Uint8Array): ByteSource & { most: number } {
  return {
    size: bytes.length,
    most: 0,
    read(position, length) {
      assert.ok(position >= 0 && position + length <= bytes.length, "a read outside of the file");
      this.most = Math.max(this.most, length);
      return bytes.subarray(position, position + length);
    },
  };
}

const parse = (made: GgufBytes | Uint8Array) =>
  parseGgufHeader(sourceOf(made instanceof GgufBytes ? made.bytes() : made));

/** Two tensors, a list and a number. */
function whole(version = 3): Buffer {
  return file()
    .begin(2, 2, version)
    .text("list")
    .u32(9)
    .u32(8)
    .u64(2)
    .text("a")
    .text("é")
    .text("number")
    .u32(4)
    .u32(7)
    .tensor("one", [3, 2], 0, 0)
    .tensor("two", [32], 8, 32)
    .align()
    .raw(Buffer.alloc(32 + 34))
    .bytes();
}

test("a header says where tensors lie, with the outermost axis first, in versions 2 and 3", () => {
  for (const version of [2, 3]) {
    const { values, entries } = parse(whole(version));
    assert.deepEqual(
      [...values],
      [
        ["list", { type: "array", of: "string", value: ["a", "é"] }],
        ["number", { type: "uint32", value: 7 }],
      ],
    );
    assert.deepEqual(entries.get("one")!.shape, [2, 3]);
    assert.deepEqual(
      [...entries.values()].map(({ begin, bytes }) => [begin, bytes]),
      [
        [192, 24],
        [224, 34],
      ],
    );
  }
});

test("the alignment of the file is followed", () => {
  const { entries } = parse(
    file()
      .begin(1, 1)
      .text("general.alignment")
      .u32(4)
      .u32(64)
      .tensor("a", [1], 0, 64)
      .align(64)
      .raw(Buffer.alloc(68)),
  );
  assert.equal(entries.get("a")!.begin, 192);
});

test("a file that is cut anywhere is refused", () => {
  const bytes = whole();
  for (let length = 0; length < bytes.length; length++)
    assert.throws(
      () => parse(bytes.subarray(0, length)),
      /cut off|begins with|but the file has/,
      `cut at byte ${length}`,
    );
});

const oneTensor = () => file().begin(1, 0);
const oneValue = () => file().begin(0, 1);
const refused: [string, GgufBytes, RegExp][] = [
  ["another format", file().raw(Buffer.from("GGML").fill(0, 4)).u32(3), /begins with "GGML", not with "GGUF"/],
  ["version 1", file().begin(0, 0, 1), /version 1 is not read.*convert the model again/],
  ["version 4", file().begin(0, 0, 4), /version 4 is not read, only 2 and 3$/],
  ["big-endian", file().begin(0, 0, 0x03000000), /it is big-endian.*gguf-convert-endian/],
  ["many tensors", file().begin(1n << 60n, 0), /the number of tensors.*needs \d+ bytes, but the file has 24/],
  ["many values", file().begin(0, 1n << 63n), /the number of metadata entries.*but the file has 24/],
  ["a long key", oneValue().u64(1 << 20).raw(Buffer.alloc(1 << 20)), /the key of metadata entry 1 of 1 has 1048576 bytes/],
  ["a key beyond the file", oneValue().u64(1n << 62n).raw(Buffer.alloc(64)), /the key of metadata entry 1 of 1.*cut off/],
  ["no key", oneValue().text("").u32(4).u32(0).align(), /entry 1 of 1 has no key/],
  ["a key that is not UTF-8", oneValue().text(Buffer.from([0xff])).u32(4).u32(0).align(), /the key .* is not UTF-8 \(at byte 32\)/],
  ["an unknown value type", oneValue().text("k").u32(13).u64(0).align(), /the value of "k" is of the unknown type 13/],
  ["lists of lists", oneValue().text("k").u32(9).u32(9).u64(0).align(), /"k" is a list of lists/],
  ["a long list", oneValue().text("k").u32(9).u32(4).u64(1n << 40n).align(), /the value of "k".*needs 4398046511104 bytes/],
  ["a long text", oneValue().text("k").u32(8).u64(1n << 40n).align(), /the value of "k".*needs 1099511627776 bytes/],
  ["neither true nor false", oneValue().text("k").u32(7).raw(Buffer.from([2])).align(), /neither true nor false but 2/],
  ["a repeated key", file().begin(0, 2).text("k").u32(4).u32(1).text("k").u32(4).u32(1), /key "k" occurs twice/],
  ["an odd alignment", oneValue().text("general.alignment").u32(4).u32(24), /general.alignment is not a power of 2/],
  ["an alignment of 0", oneValue().text("general.alignment").u32(4).u32(0), /general.alignment is not a power of 2/],
  ["an alignment that is a text", oneValue().text("general.alignment").u32(8).text("32"), /general.alignment is not .*\(string\)/],
  ["a long name", oneTensor().tensor("n".repeat(65), [1], 0, 0), /the name of tensor 1 of 1 has 65 bytes/],
  ["no dimensions", oneTensor().tensor("a", [], 0, 0).align().raw(Buffer.alloc(64)), /tensor "a" has 0 dimensions/],
  ["five dimensions", oneTensor().tensor("a", [1, 1, 1, 1, 1], 0, 0), /tensor "a" has 5 dimensions/],
  ["an unknown type", oneTensor().tensor("a", [1], 99, 0), /tensor "a" is of the unknown type 99/],
  ["a type that is no more", oneTensor().tensor("a", [1], 4, 0), /tensor "a" is of the unknown type 4/],
  ["no elements", oneTensor().tensor("a", [0, 5], 0, 0), /tensor "a", F32 of 0 × 5, has no elements/],
  ["half a block", oneTensor().tensor("a", [48], 8, 0), /Q8_0 of 48: its rows are not whole blocks of 32/],
  ["many elements", oneTensor().tensor("a", [1n << 62n, 1n << 62n], 0, 0), /takes \d{38} bytes, but the file has/],
  ["an offset between blocks", oneTensor().tensor("a", [1], 0, 8).align().raw(Buffer.alloc(64)), /begins at 8.*no multiple of the alignment 32/],
  ["an offset beyond the file", oneTensor().tensor("a", [1], 0, 1n << 63n).align().raw(Buffer.alloc(64)), /tensor "a" \(F32, 4 bytes\) ends at byte 9223372036854775\d+, but the file has/],
  ["overlap", file().begin(2, 0).tensor("a", [16], 0, 0).tensor("b", [8], 0, 32).align().raw(Buffer.alloc(64)), /"a" and "b" overlap at byte 128/],
  ["equal places", file().begin(2, 0).tensor("a", [8], 0, 0).tensor("b", [8], 0, 0).align().raw(Buffer.alloc(64)), /"a" and "b" overlap/],
  ["a repeated tensor", file().begin(2, 0).tensor("a", [8], 0, 0).tensor("a", [8], 0, 32).align().raw(Buffer.alloc(64)), /tensor "a" occurs twice/],
]; // prettier-ignore
for (const [what, bytes, message] of refused)
  test(`${what} is refused by name`, () => assert.throws(() => parse(bytes), message));

test("whatever the bytes are, a header is read or refused with an Error, and little is asked for", () => {
  const bytes = whole();
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    by: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = Buffer.from(bytes);
      for (const { at, by } of changes) damaged.set(by.subarray(0, damaged.length - at), at);
      const source = sourceOf(damaged);
      try {
        for (const { begin, bytes } of parseGgufHeader(source).entries.values())
          assert.ok(begin + bytes <= damaged.length);
      } catch (error) {
        assert.ok(
          error instanceof Error && !(error instanceof RangeError || error instanceof TypeError),
          String(error),
        );
        assert.ok(!(error instanceof assert.AssertionError), String(error));
      }
      assert.ok(source.most <= damaged.length);
    }),
    { numRuns: 2000 },
  );
});
