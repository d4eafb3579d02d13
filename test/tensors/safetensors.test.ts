import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readSafetensors, SafetensorsFile, writeSafetensors } from "../../src/tensors/file";
import {
  bytesPerElement,
  elementCount,
  type ElementType,
  float32Tensor,
  type HostTensor,
  toFloat32,
  viewElements,
} from "../../src/tensors/tensor";
import { testEveryT5 } from "../models/t5-fixtures";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
test.after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file.safetensors");

/** A file from a header text (or value) and a number of data bytes. */
function fileOf(header: unknown, dataBytes: number, declaredLength?: bigint): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(declaredLength ?? BigInt(json.length));
  return Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]);
}

function refuses(bytes: Uint8Array, message: RegExp): void {
  writeFileSync(path, bytes);
  assert.throws(
    () => readSafetensors(path),
    (error: Error) => {
      assert.match(error.message, /file\.safetensors: not a valid safetensors file: /);
      assert.match(error.message, message);
      return true;
    },
  );
}

const types: ElementType[] = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
];

const tensor: fc.Arbitrary<HostTensor> = fc
  .tuple(fc.constantFrom(...types), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const bytes = elementCount(shape) * bytesPerElement(dtype);
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((raw) => ({ dtype, shape, data: viewElements(dtype, Uint8Array.from(raw)) }));
  });

const rawBytes = ({ data }: HostTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

test("what is written is read back, bit by bit, for every element type and any names", () => {
  const name = fc
    .oneof(fc.string(), fc.constantFrom("__proto__", "0", "{", 'a"b', "décodeur"))
    .filter((text) => text !== "__metadata__");
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }),
      fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      (entries, metadata) => {
        writeSafetensors(path, new Map(entries), metadata);
        const read = readSafetensors(path);
        assert.deepEqual(new Set(read.tensors.keys()), new Set(entries.map(([key]) => key)));
        assert.deepEqual({ ...read.metadata }, metadata);
        for (const [key, written] of entries) {
          const found = read.tensors.get(key)!;
          assert.equal(found.dtype, written.dtype);
          assert.deepEqual(found.shape, written.shape);
          assert.deepEqual(rawBytes(found), rawBytes(written));
        }
      },
    ),
    { numRuns: 100 },
  );
  assert.deepEqual(readdirSync(folder), ["file.safetensors"]);
});

test("equal contents give equal bytes, with aligned data", () => {
  const a: [string, HostTensor] = ["a", { dtype: "bool", shape: [1], data: Uint8Array.of(1) }];
  const b: [string, HostTensor] = ["b", float32Tensor([2], Float32Array.of(1, 2))];
  writeSafetensors(path, new Map([a, b]));
  const first = readFileSync(path);
  writeSafetensors(path, new Map([b, a]));
  assert.deepEqual(readFileSync(path), first);
  assert.equal(Number(first.readBigUInt64LE()) % 8, 0);
  assert.deepEqual(first.subarray(-9), Buffer.from([0, 0, 128, 63, 0, 0, 0, 64, 1]));
});

test("malformed files are refused, each with its fault", () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  refuses(Buffer.alloc(7), /7 bytes are too few/);
  refuses(fileOf({}, 0, 100_000_001n), /above the format's limit/);
  refuses(fileOf({}, 0, 2n ** 64n - 1n), /above the format's limit/);
  refuses(fileOf({}, 0, 3n), /the header ends at byte 11, but the file has 10/);
  refuses(fileOf("", 0), /does not begin with \{/);
  refuses(fileOf(" {}", 0), /does not begin with \{/);
  refuses(fileOf("[]", 0), /does not begin with \{/);
  refuses(fileOf("{", 0), /not JSON/);
  refuses(fileOf('{"a": NaN}', 0), /not JSON/);
  refuses(fileOf({}, 1), /the tensors take 0 bytes, but the file holds 1/);
  refuses(fileOf({ a: 1 }, 0), /tensor "a": not an object/);
  refuses(fileOf({ a: { ...f32(0, 4), extra: 1 } }, 4), /unknown field "extra"/);
  refuses(fileOf({ a: { ...f32(0, 4), dtype: "F31" } }, 4), /unsupported element type "F31"/);
  refuses(fileOf({ a: { ...f32(0, 4), dtype: ["F32"] } }, 4), /unsupported element type/);
  refuses(fileOf({ a: f32(0, 4, [-1]) }, 4), /shape is not a list of sizes/);
  refuses(fileOf({ a: f32(0, 4, [0.5, 2]) }, 4), /shape is not a list of sizes/);
  refuses(fileOf({ a: f32(0, 4, "1") }, 4), /shape is not a list of sizes/);
  refuses(fileOf({ a: f32(0, 4, [2 ** 52, 2 ** 52]) }, 4), /takes \d+ bytes/);
  refuses(fileOf({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 4), /not a pair of byte offsets/);
  refuses(fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e400]}}', 4), /not a pair/);
  refuses(fileOf({ a: { ...f32(0, 4), data_offsets: [8, 4] } }, 8), /its offsets are 8 to 4/);
  refuses(fileOf({ a: f32(0, 8, [3]) }, 8), /F32 of shape \[3\] takes 12 bytes, but its offsets are 0 to 8/);
  refuses(fileOf({ a: f32(4, 8) }, 8), /tensor "a" leaves a hole before it/);
  refuses(fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /tensor "b" leaves a hole before it/);
  refuses(fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor "b" overlaps the tensor before it/);
  refuses(fileOf({ a: f32(0, 8), b: f32(0, 8) }, 8), /tensor "b" overlaps the tensor before it/);
  refuses(fileOf({ a: f32(0, 8) }, 4), /the tensors take 8 bytes, but the file holds 4/);
  refuses(fileOf({ __metadata__: { a: 1 } }, 0), /__metadata__ is not an object of strings/);
  const entry = JSON.stringify(f32(0, 4));
  refuses(fileOf(`{"a":${entry},"a":${entry}}`, 4), /the key "a" occurs twice/);
  refuses(fileOf(`{"a":${entry},"\\u0061":${entry}}`, 4), /the key "a" occurs twice/);
  refuses(
    fileOf('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
    /"shape" occurs twice/,
  );
  const notText = fileOf("{}  ", 0);
  notText[10] = 0xff;
  refuses(notText, /not UTF-8/);
});

test("a damaged file is either refused or differs only in data bytes", () => {
  writeSafetensors(path, new Map([["w", float32Tensor([2, 3], new Float32Array(6))]]), { format: "pt" });
  const whole = readFileSync(path);
  const dataStart = whole.length - 24;
  const damaged = fc.oneof(
    fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((tail) => Buffer.concat([whole, tail])),
    fc.tuple(fc.nat(dataStart - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(whole);
      copy[at] = byte;
      return copy;
    }),
    fc.uint8Array({ maxLength: 64 }),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      writeFileSync(path, bytes);
      let read;
      try {
        read = readSafetensors(path);
      } catch (error) {
        assert.match((error as Error).message, /not a valid safetensors file/);
        return;
      }
      const total = [...read.tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
      assert.ok(total === 0 || total === 24);
    }),
    { numRuns: 500 },
  );
});

test("tensors are read by name, by rows, and as float32", () => {
  const values = Float32Array.of(0, 1, 2, 3, 4, 5);
  const ids: HostTensor = { dtype: "int64", shape: [2], data: BigInt64Array.of(7n, -1n) };
  writeSafetensors(
    path,
    new Map<string, HostTensor>([
      ["w", float32Tensor([3, 2], values)],
      ["ids", ids],
    ]),
  );
  const file = new SafetensorsFile(path);
  assert.deepEqual(file.read("ids"), ids);
  assert.deepEqual(file.readRows("w", 1, 3), float32Tensor([2, 2], values.slice(2)));
  assert.deepEqual(file.readRows("w", 3, 3).data.length, 0);
  assert.deepEqual(file.readFloat32("w"), float32Tensor([3, 2], values));
  assert.throws(() => file.readRows("w", 2, 4), /tensor w of shape \[3, 2\] has no rows 2 to 4/);
  assert.throws(() => file.readFloat32("ids"), /tensor ids holds int64, where floats are needed/);
  assert.throws(() => file.read("v"), /no tensor "v"/);
  file.close();
  assert.throws(() => file.read("w"), /already closed/);
});

test("16-bit floats become the float32 values they stand for", () => {
  const half = Uint16Array.of(
    0x0000,
    0x8000,
    0x3c00,
    0xc000,
    0x7bff,
    0x0001,
    0x0400,
    0x3555,
    0x7c00,
    0xfc00,
    0x7e00,
  );
  const halfValues = [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, 0.333251953125, Infinity, -Infinity, NaN];
  assert.deepEqual([...toFloat32({ dtype: "float16", shape: [11], data: half })], halfValues);
  const brain = Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x0001);
  assert.deepEqual(
    [...toFloat32({ dtype: "bfloat16", shape: [4], data: brain })],
    [1, -3.140625, Infinity, 2 ** -133],
  );
  writeSafetensors(path, new Map([["h", { dtype: "bfloat16" as const, shape: [2, 2], data: brain }]]));
  const file = new SafetensorsFile(path);
  assert.deepEqual([...file.readFloat32("h").data], [1, -3.140625, Infinity, 2 ** -133]);
  file.close();
});

test("a tensor that does not fit its shape is not written, and the old file stays", () => {
  writeSafetensors(path, new Map());
  assert.throws(
    () =>
      writeSafetensors(
        path,
        new Map([["w", { dtype: "float32" as const, shape: [3], data: new Float32Array(2) }]]),
      ),
    /tensor w has 2 elements, but its shape \[3\] needs 3/,
  );
  assert.equal(readSafetensors(path).tensors.size, 0);
});

testEveryT5(
  "a file that Hugging Face's library wrote is read",
  ["config.json"],
  () => ["model.safetensors"],
  (fixture, file) => {
    const { vocab_size: vocabulary, d_model: width } = fixture.read<Record<string, number>>("config.json");
    const { tensors, metadata } = readSafetensors(join(fixture.directory, file));
    assert.deepEqual(metadata, { format: "pt" });
    assert.deepEqual(tensors.get("shared.weight")!.shape, [vocabulary, width]);
    assert.ok([...tensors.values()].every(({ dtype }) => dtype === "float32"));
  },
);
