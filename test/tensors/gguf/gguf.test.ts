import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { GgufFile } from "../../../src/tensors/gguf/file";
import type { GgufValue } from "../../../src/tensors/gguf/metadata";
import { type GgufTensor, type GgufWriteType, writeGguf } from "../../../src/tensors/gguf/write";
import { GgufBytes } from "./gguf-bytes";

const fixtures = join(__dirname, "../../fixtures/gguf");
const folder = mkdtempSync(join(tmpdir(), "gguf-"));
test.after(() => rmSync(folder, { recursive: true }));

interface Values {
  tensors: Record<string, { shape: number[]; bits: number[] }>;
  values: number[];
  written: Record<string, string>;
}
const reference = JSON.parse(readFileSync(join(fixtures, "values.json"), "utf8")) as Values;
const floats = (bits: readonly number[]) => new Float32Array(Uint32Array.from(bits).buffer);
const bitsOf = (values: Float32Array) => [
  ...new Uint32Array(values.buffer, values.byteOffset, values.length),
];

function reading<T>(path: string, read: (file: GgufFile) => T): T {
  const file = new GgufFile(path);
  try {
    return read(file);
  } finally {
    file.close();
  }
}

test("every type is dequantised to gguf-py's bits", () => {
  reading(join(fixtures, "values.gguf"), (file) => {
    assert.deepEqual([...file.entries.keys()], Object.keys(reference.tensors));
    for (const [name, { shape, bits }] of Object.entries(reference.tensors)) {
      const tensor = file.readFloat32(name);
      assert.deepEqual(tensor.shape, shape, name);
      assert.deepEqual(bitsOf(tensor.data), bits, name);
      assert.equal(file.countNonFinite(name), 0);
    }
  });
});

test("codes, scales and minimums say the same as the values", () => {
  reading(join(fixtures, "values.gguf"), (file) => {
    for (const [name, bits, zero] of [
      ["Q8_0.weight", 8, 128],
      ["Q4_0.weight", 4, 8],
      ["Q4_1.weight", 4, 0],
    ] as const) {
      const codes = file.readCodes(name)!;
      assert.deepEqual(
        [codes.bits, codes.zero, codes.minimums !== undefined],
        [bits, zero, name.startsWith("Q4_1")],
      );
      assert.equal(codes.scales.length, 12);
      const values = Float32Array.from(
        codes.codes,
        (code, i) => codes.scales[i >> 5]! * (code - zero) + (codes.minimums?.[i >> 5] ?? 0),
      );
      // Adding 0 makes no difference but to the sign of zero.
      assert.deepEqual(
        [...values].map((x) => x + 0),
        [...file.readFloat32(name).data].map((x) => x + 0),
        name,
      );
      assert.ok(codes.codes.every((code) => code < 1 << bits));
    }
    assert.equal(file.readCodes("F16.weight"), undefined);
  });
});

test("metadata of every type is read, and asked for by kind", () => {
  reading(join(fixtures, "values.gguf"), ({ metadata, path }) => {
    assert.equal(metadata.string("general.architecture"), "llama");
    const names = [...metadata.values.keys()].filter((key) => key.startsWith("one."));
    assert.deepEqual(
      names.map((key) => metadata.values.get(key)!.value),
      [200, -100, 60000, -30000, 4e9, -2e9, Math.fround(1e-5), 1n << 60n, -(1n << 60n), 0.1, true, "ġ – ✓"],
    );
    assert.deepEqual(metadata.strings("many.strings"), ["a", "", "é"]);
    assert.deepEqual(metadata.numbers("many.numbers"), [1.5, -2.5]);
    assert.deepEqual([metadata.count("one.uint32"), metadata.boolean("one.bool")], [4e9, true]);
    assert.equal(metadata.number("one.float32"), 1e-5);
    assert.equal(metadata.number("one.float64"), 0.1);
    assert.equal(metadata.count("nothing"), undefined);
    const says = (what: string) => ({ message: `${path}: ${what}` });
    assert.throws(
      () => metadata.count("one.int8"),
      says('one.int8 is int8 "-100", where a whole number of at least 0 is needed'),
    );
    assert.throws(() => metadata.string("one.bool"), says('one.bool is bool "true", where a text is needed'));
    assert.throws(
      () => metadata.number("many.numbers"),
      says("many.numbers is a list of 2 float32, where a number is needed"),
    );
    assert.throws(
      () => metadata.strings("many.numbers"),
      says("many.numbers is a list of 2 float32, where a list of texts is needed"),
    );
    assert.throws(
      () => metadata.numbers("one.string"),
      /one.string is string .* where a list of numbers is needed/,
    );
    assert.throws(
      () => metadata.boolean("one.uint8"),
      /one.uint8 is uint8 "200", where true or false is needed/,
    );
  });
});

const write = (
  name: string,
  tensors: Record<string, GgufTensor>,
  metadata: Record<string, GgufValue> = {},
) => {
  const path = join(folder, name);
  writeGguf(path, new Map(Object.entries(metadata)), new Map(Object.entries(tensors)));
  return path;
};
const tensorOf = (type: GgufWriteType, shape: number[], values: Float32Array): GgufTensor => ({
  type,
  shape,
  values: () => values,
});

test("F16, BF16 and Q8_0 are written as gguf-py writes them", () => {
  const values = floats(reference.values);
  for (const type of ["F16", "BF16", "Q8_0"] as const) {
    const path = write(`${type}.gguf`, { w: tensorOf(type, [values.length], values) });
    const { begin, bytes } = reading(path, (file) => file.entries.get("w")!);
    assert.equal(
      readFileSync(path)
        .subarray(begin, begin + bytes)
        .toString("hex"),
      reference.written[type],
      type,
    );
  }
});

test("what is written is read again: metadata with their types, float32 as it was", () => {
  const metadata: Record<string, GgufValue> = reading(join(fixtures, "values.gguf"), (file) =>
    Object.fromEntries(file.metadata.values),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 })), { maxLength: 4 }),
      (shapes) => {
        const tensors = Object.fromEntries(
          shapes.map((shape, i) => {
            const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, j) => Math.sin(i + j));
            return [`t${i}`, tensorOf("F32", shape, values)];
          }),
        );
        const path = write("again.gguf", tensors, metadata);
        reading(path, (file) => {
          assert.deepEqual(Object.fromEntries(file.metadata.values), metadata);
          assert.deepEqual([...file.entries.keys()], Object.keys(tensors));
          for (const [name, tensor] of Object.entries(tensors)) {
            assert.deepEqual(file.readFloat32(name).shape, tensor.shape);
            assert.deepEqual(file.readFloat32(name).data, tensor.values());
          }
        });
      },
    ),
    { numRuns: 30 },
  );
});

test("a tensor of more than one piece is read whole", () => {
  const values = Float32Array.from({ length: 40 * 32768 }, (_, i) => Math.fround(Math.cos(i)));
  for (const type of ["F32", "Q8_0"] as const) {
    const read = reading(write("long.gguf", { w: tensorOf(type, [40, 32768], values) }), (file) =>
      file.readFloat32("w"),
    );
    assert.ok(read.data.every((x, i) => Math.abs(x - values[i]!) <= (type === "F32" ? 0 : 0.005)));
  }
});

test("values that a type cannot hold are refused, and an earlier file stays", () => {
  const path = write("kept.gguf", { w: tensorOf("F32", [1], Float32Array.of(1)) });
  const before = readFileSync(path);
  const refusals: [GgufWriteType, number[], Float32Array, RegExp][] = [
    ["F16", [1], Float32Array.of(65520), /tensor w has values that are too large for F16; write it as F32/],
    ["BF16", [1], Float32Array.of(3.4e38), /too large for BF16/],
    ["Q8_0", [32], new Float32Array(32).fill(1e7), /too large for Q8_0/],
    ["F32", [1], Float32Array.of(NaN), /tensor w holds values that are not finite numbers \(1 of 1\)/],
    ["Q8_0", [2, 16], new Float32Array(32), /rows of 16, not of whole blocks of 32/],
    ["F32", [2], Float32Array.of(1), /has 1 values, but its shape needs 2/],
    ["F32", [1, 1, 1, 1, 1], Float32Array.of(1), /has 5 dimensions, not 1 to 4/],
  ];
  for (const [type, shape, values, message] of refusals) {
    assert.throws(() => write("kept.gguf", { w: tensorOf(type, shape, values) }), message);
    assert.deepEqual(readFileSync(path), before);
  }
  assert.throws(
    () => write("kept.gguf", { ["n".repeat(65)]: tensorOf("F32", [1], Float32Array.of(1)) }),
    /more than 64 bytes/,
  );
});

test("tensors of a type that is not read are refused when asked for, with the remedy", () => {
  const path = join(folder, "k.gguf");
  writeFileSync(
    path,
    new GgufBytes().begin(1, 0).tensor("w", [256], 12, 0).align().raw(Buffer.alloc(144)).bytes(),
  );
  reading(path, (file) => {
    assert.throws(
      () => file.readFloat32("w"),
      /k\.gguf: tensor w is Q4_K, which is not read.*llama-quantize/,
    );
    assert.throws(() => file.countNonFinite("w"), /w is Q4_K/);
    assert.throws(() => file.readFloat32("v"), /no tensor "v"/);
  });
});

test("what is no GGUF file is said to be what it is", () => {
  const path = join(folder, "page.gguf");
  writeFileSync(path, "<!doctype html><html></html>");
  assert.throws(() => new GgufFile(path), /page\.gguf: not a valid GGUF file: it is an HTML page/);
  writeFileSync(path, "");
  assert.throws(() => new GgufFile(path), /it is empty/);
  assert.throws(() => new GgufFile(join(folder, "none.gguf")), /none\.gguf: no such file/);
  assert.throws(() => new GgufFile(folder), /a folder, where a file is needed/);
});

test("a GGUF file that is cut, damaged or of another version is told as that, not as a GGUF file", () => {
  const whole = readFileSync(join(fixtures, "values.gguf"));
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(value, at);
    return bytes;
  };
  for (const [name, bytes, message] of [
    [
      "cut.gguf",
      whole.subarray(0, whole.length - 500),
      /ends at byte \d+, but the file has \d+: it is cut off; copy/,
    ],
    ["head.gguf", whole.subarray(0, 100), /cut off or damaged; copy or download it again/],
    ["old.gguf", changed(4, 1), /GGUF version 1 is not read, only 2 and 3; convert the model again/],
  ] as const) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    assert.throws(
      () => new GgufFile(path),
      (error: Error) => message.test(error.message) && !error.message.includes("llama.cpp: name the file"),
    );
  }
});
