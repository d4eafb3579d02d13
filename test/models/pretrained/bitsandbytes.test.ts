import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { readJson } from "../../../src/io/files";
import { openModelDirectory, readModelDirectory } from "../../../src/models/pretrained/read";
import { writeNf4Directory } from "../../../src/models/pretrained/write-nf4";
import { writeModelDirectory } from "../../../src/models/pretrained/write";
import { nf4, nf4Arrays, dequantizeNf4, quantizeNf4 } from "../../../src/models/quantization/nf4";
import { readSafetensors, writeSafetensors } from "../../../src/tensors/file";
import type { HostTensor } from "../../../src/tensors/tensor";
import { fixtures, lacking } from "../../reference";
import { randomT5, TINY } from "../tiny";

const llamas = join(fixtures, "tiny-llama");
const packedLlamas = lacking(fixtures, "tiny-llama")
  ? []
  : readdirSync(llamas).filter((name) => !lacking(join(llamas, name), "nf4/model.safetensors"));
const skip = packedLlamas.length === 0 && `${llamas} has no model in NF4`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "bitsandbytes-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** A small T5 of which the layers that may be are in NF4. */
function packedT5(t: TestContext) {
  const directory = folder(t);
  const model = randomT5(TINY, 1);
  writeNf4Directory(directory, model);
  return { directory, model };
}

const WEIGHT = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight";
const STATE = `${WEIGHT}.quant_state.bitsandbytes__nf4`;

test("a model that transformers saved in NF4: values and bits", { skip }, () => {
  for (const name of packedLlamas) {
    const directory = join(llamas, name, "nf4");
    const expected = readSafetensors(join(directory, "expected.safetensors")).tensors;
    const { tensors } = readSafetensors(join(directory, "model.safetensors"));
    const model = openModelDirectory(directory);
    try {
      assert.equal("quantization_config" in model.configFile, false);
      for (const [key, { data }] of expected) {
        const [, module] = /^double_quant\.dequantised\.(.*)$/.exec(key) ?? [];
        if (module === undefined) continue;
        const weight = `${module}.weight`;
        assert.deepEqual(model.parameters.get(weight)!.data, data);
        const kept = model.parameters.rounded!(weight)!;
        assert.equal(kept.scheme, nf4.name);
        assert.deepEqual(nf4Arrays(weight, kept.tensors).codes, tensors.get(weight)!.data);
      }
      assert.equal(model.parameters.rounded!("model.norm.weight"), undefined);
      assert.deepEqual(
        model.parameters.get("model.norm.weight")!.data,
        tensors.get("model.norm.weight")!.data,
      );
    } finally {
      model.close();
    }
  }
});

test("written in NF4: the tensors that transformers and bitsandbytes save", { skip }, (t) => {
  for (const name of packedLlamas) {
    const reference = readSafetensors(join(llamas, name, "nf4/model.safetensors")).tensors;
    const from = [readModelDirectory(join(llamas, name)), openModelDirectory(join(llamas, name, "nf4"))];
    for (const model of from) {
      const directory = folder(t);
      writeNf4Directory(directory, model);
      const { tensors } = readSafetensors(join(directory, "model.safetensors"));
      assert.deepEqual([...tensors.keys()].sort(), [...reference.keys()].sort());
      const json = ({ data }: HostTensor) =>
        JSON.parse(Buffer.from(data as Uint8Array).toString()) as Record<string, unknown>;
      for (const [key, tensor] of tensors) {
        const expected = reference.get(key)!;
        if (key.includes("quant_state")) assert.deepEqual(json(tensor), json(expected));
        else assert.deepEqual({ ...tensor, shape: [...tensor.shape] }, expected, key);
      }
      const config = readJson(join(directory, "config.json")) as Record<string, Record<string, unknown>>;
      const wanted = readJson(join(llamas, name, "nf4/config.json")) as typeof config;
      for (const field of [
        "quant_method",
        "load_in_4bit",
        "bnb_4bit_quant_type",
        "bnb_4bit_use_double_quant",
      ])
        assert.equal(config["quantization_config"]![field], wanted["quantization_config"]![field]);
    }
    (from[1] as ReturnType<typeof openModelDirectory>).close();
  }
});

test("what is written is read again: rounded layers with their bits, exact ones as they were", (t) => {
  const { directory, model } = packedT5(t);
  const read = openModelDirectory(directory);
  let rounded = 0;
  for (const [name, tensor] of model.parameters) {
    const kept = read.parameters.rounded!(name);
    if (kept) {
      rounded++;
      const arrays = quantizeNf4(tensor.data);
      assert.deepEqual(kept.tensors, nf4.quantize(name, tensor));
      assert.deepEqual(read.parameters.get(name)!.data, dequantizeNf4(tensor.shape, arrays));
      assert.equal(read.parameters.locate!(name), undefined);
    } else assert.deepEqual(read.parameters.get(name)!.data, tensor.data);
  }
  read.close();
  assert.ok(rounded > 0 && rounded < model.parameters.size);
  const again = folder(t);
  writeModelDirectory(again, readModelDirectory(directory)); // as floats
  assert.equal("quantization_config" in (readJson(join(again, "config.json")) as object), false);
  assert.equal(readModelDirectory(again).parameters.size, model.parameters.size);
});

/** The tensors of a packed T5 changed, and how opening it or reading all of it goes. */
function changed(t: TestContext, change: (tensors: Map<string, HostTensor>) => void): () => void {
  const { directory } = packedT5(t);
  const path = join(directory, "model.safetensors");
  const { tensors } = readSafetensors(path);
  change(tensors);
  writeSafetensors(path, tensors);
  return () => void readModelDirectory(directory);
}

const state = (fields: Record<string, unknown>): HostTensor => {
  const data = new Uint8Array(
    Buffer.from(
      JSON.stringify({ quant_type: "nf4", blocksize: 64, shape: [32, 8], nested_blocksize: 256, ...fields }),
    ),
  );
  return { dtype: "uint8", shape: [data.length], data };
};

test("plain absmax and larger blocks are read exactly", (t) => {
  const absmax = Float32Array.from({ length: 2 }, (_, i) => 0.5 + i);
  const { directory } = packedT5(t);
  const path = join(directory, "model.safetensors");
  const { tensors } = readSafetensors(path);
  const codes = tensors.get(WEIGHT)!.data as Uint8Array;
  tensors.set(STATE, state({ blocksize: 128, nested_blocksize: undefined }));
  tensors.set(`${WEIGHT}.absmax`, { dtype: "float32", shape: [2], data: absmax });
  tensors.delete(`${WEIGHT}.nested_absmax`);
  tensors.delete(`${WEIGHT}.nested_quant_map`);
  writeSafetensors(path, tensors);
  const model = openModelDirectory(directory);
  const { data } = model.parameters.get(WEIGHT)!;
  const kept = nf4Arrays(WEIGHT, model.parameters.rounded!(WEIGHT)!.tensors);
  model.close();
  assert.deepEqual(kept.absmax, Float32Array.of(0.5, 0.5, 1.5, 1.5));
  assert.equal(kept.nested, undefined);
  const unit = dequantizeNf4([32, 8], { codes, absmax: new Float32Array(4).fill(1) });
  assert.deepEqual(
    data,
    unit.map((value, i) => value * absmax[i >> 7]!),
  );
});

test("what does not fit is named, with its file", (t) => {
  const cases: [RegExp, (tensors: Map<string, HostTensor>) => void][] = [
    [/absmax is missing, which the NF4 weight encoder/, (all) => all.delete(`${WEIGHT}.absmax`)],
    [/nested_absmax is missing/, (all) => all.delete(`${WEIGHT}.nested_absmax`)],
    [/quant_map is missing/, (all) => all.delete(`${WEIGHT}.quant_map`)],
    [/wi_0\.weight is missing/, (all) => all.delete(WEIGHT)],
    [
      /is uint8 \[128, 1\], but the NF4 weight of shape \[32, 9\]/,
      (all) => all.set(STATE, state({ shape: [32, 9], nested_offset: 1 })),
    ],
    [
      /has shape \[8, 32\], not \[32, 8\]/,
      (all) => all.set(STATE, state({ shape: [8, 32], nested_offset: 1 })),
    ],
    [/quant_type/, (all) => all.set(STATE, state({ quant_type: "fp4" }))],
    [/blocksize/, (all) => all.set(STATE, state({ blocksize: 63 }))],
    [/nested_blocksize/, (all) => all.set(STATE, state({ nested_blocksize: 64, nested_offset: 1 }))],
    [
      /is not the JSON that bitsandbytes writes/,
      (all) => all.set(STATE, { dtype: "uint8", shape: [2], data: Uint8Array.of(0xff, 0x7b) }),
    ],
    [
      /holds float32, not bytes/,
      (all) => all.set(STATE, { dtype: "float32", shape: [1], data: new Float32Array(1) }),
    ],
    [
      /is not bitsandbytes' map: element 1 is 0, not -0.69/,
      (all) => (all.get(`${WEIGHT}.quant_map`)!.data as Float32Array).fill(0, 1),
    ],
    [
      /nested_absmax holds values that are not finite/,
      (all) => (all.get(`${WEIGHT}.nested_absmax`)!.data as Float32Array).fill(NaN),
    ],
    [/fp4; only nf4 is read/, (all) => all.set(STATE.replace("nf4", "fp4"), all.get(STATE)!)],
    [
      /made_up\.weight is not a parameter/,
      (all) => {
        for (const [name, tensor] of [...all])
          if (name.startsWith(WEIGHT)) all.set(name.replace(WEIGHT, "made_up.weight"), tensor);
      },
    ],
  ];
  for (const [message, change] of cases) assert.throws(changed(t, change), message);
});

test("other quantisations are refused by name, with the way out", (t) => {
  const { directory } = packedT5(t);
  const path = join(directory, "config.json");
  const config = readJson(path) as Record<string, unknown>;
  const own = config["quantization_config"] as Record<string, unknown>;
  const cases: [RegExp, unknown][] = [
    [/"gptq" are not read/, { quant_method: "gptq", bits: 4 }],
    [/"awq" are not read/, { quant_method: "awq" }],
    [/load_in_8bit/, { ...own, load_in_4bit: false, load_in_8bit: true }],
    [/load_in_8bit/, { load_in_8bit: true }],
    [/"fp4" \(bnb_4bit_quant_type\)/, { ...own, bnb_4bit_quant_type: "fp4" }],
    [/"fp4" \(bnb_4bit_quant_type\)/, { quant_method: "bitsandbytes", load_in_4bit: true }],
    [/stored as bfloat16/, { ...own, bnb_4bit_quant_storage: "bfloat16" }],
    [/of no name/, {}],
    [/is not understood/, "nf4"],
    [/is not understood/, { quant_method: 4 }],
  ];
  for (const [message, quantization_config] of cases) {
    writeFileSync(path, JSON.stringify({ ...config, quantization_config }));
    assert.throws(
      () => openModelDirectory(directory),
      (error: Error) => message.test(error.message) && error.message.startsWith(path),
    );
  }
  writeFileSync(path, JSON.stringify({ ...config, quantization_config: { quant_method: "gptq" } }));
  assert.throws(() => openModelDirectory(directory), /take the model as it was before it was quantised/);
  writeFileSync(path, JSON.stringify({ ...config, quantization_config: null }));
  openModelDirectory(directory).close(); // the tensors say it themselves
  const plain = folder(t);
  writeModelDirectory(plain, randomT5(TINY, 1));
  cpSync(path, join(plain, "config.json"));
  writeFileSync(join(plain, "config.json"), JSON.stringify({ ...config, quantization_config: own }));
  assert.throws(() => openModelDirectory(plain), /says NF4, but no tensor is in it/);
});

test("no quant_state, however odd, is anything but read or refused by name", (t) => {
  const { directory } = packedT5(t);
  const path = join(directory, "model.safetensors");
  const { tensors } = readSafetensors(path);
  const original = tensors.get(STATE)!.data as Uint8Array;
  const fields = JSON.parse(Buffer.from(original).toString()) as Record<string, unknown>;
  const odd = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
      const copy = original.slice();
      copy[at] = byte;
      return copy;
    }),
    fc.nat(original.length).map((length) => original.slice(0, length)),
    fc
      .tuple(fc.constantFrom(...Object.keys(fields)), fc.jsonValue())
      .map(([field, value]) => new Uint8Array(Buffer.from(JSON.stringify({ ...fields, [field]: value })))),
  );
  fc.assert(
    fc.property(odd, (data) => {
      tensors.set(STATE, { dtype: "uint8", shape: [data.length], data });
      writeSafetensors(path, tensors);
      try {
        const { data: values } = readModelDirectory(directory).parameters.get(WEIGHT)!;
        assert.ok(values.every(Number.isFinite));
      } catch (error) {
        assert.match((error as Error).message, /model\.safetensors: (tensor|.* is not a parameter)/);
        assert.ok(error instanceof Error && !(error instanceof TypeError));
      }
    }),
    { numRuns: 100 },
  );
});
