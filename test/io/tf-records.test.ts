import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c, tfRecord } from "../../src/io/tf-records";

test("CRC-32C gives RFC 3720's checksums", () => {
  const cases: [Uint8Array, number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from("123456789"), 0xe3069283],
    [new Uint8Array(0), 0],
  ];
  for (const [bytes, expected] of cases) assert.equal(crc32c(bytes), expected);
});

test("a record is framed by its length and two masked checksums", () => {
  // What TensorBoard's RecordWriter writes for b"abc".
  const expected = "0300000000000000b099490e6162636e57f121";
  assert.equal(Buffer.from(tfRecord(Buffer.from("abc"))).toString("hex"), expected);
});
