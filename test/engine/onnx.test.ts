import assert from "node:assert/strict";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import { encodeModel, modelPieces, type OnnxModel } from "../../src/engine/onnx";

const asked: string[] = [];

/** Constants a, b, … of one number each, and their sums with x. */
function sums(...numbers: number[]): OnnxModel {
  const names = numbers.map((_, i) => String.fromCharCode(97 + i));
  return {
    nodes: names.map((name) => ({
      opType: "Add",
      domain: "",
      inputs: ["x", name],
      outputs: [`x+${name}`],
      attributes: {},
    })),
    constants: names.map((name, i) => ({
      name,
      type: "float32",
      shape: [1],
      get bytes() {
        asked.push(name);
        return new Uint8Array(Float32Array.of(numbers[i]!).buffer);
      },
    })),
    inputs: [{ name: "x", type: "float32", shape: [1] }],
    outputs: names.map((name) => ({ name: `x+${name}`, type: "float32", shape: [1] })),
  };
}

test("a model file asks for one constant after the other, each once, and is what ONNX Runtime reads", async () => {
  const model = sums(0.5, -3);
  asked.length = 0;
  const pieces: Uint8Array[] = [];
  for (const piece of modelPieces(model)) {
    const last = asked.at(-1) === "b";
    if (Buffer.from(piece).equals(Buffer.from(Float32Array.of(0.5).buffer))) assert.equal(last, false);
    pieces.push(piece);
  }
  assert.deepEqual(asked, ["a", "b"]);
  const whole = Buffer.concat(pieces);
  assert.deepEqual(Buffer.from(encodeModel(model)), whole);
  const session = await ort.InferenceSession.create(whole);
  const { "x+a": a, "x+b": b } = await session.run({ x: new ort.Tensor("float32", [1], [1]) });
  assert.deepEqual([a!.data[0], b!.data[0]], [1.5, -2]);
  await session.release();
});

test("a constant of another size than its shape says makes no file", () => {
  const model = sums(0.5);
  const [constant] = model.constants;
  const longer = { ...model, constants: [{ ...constant!, shape: [2] }] };
  assert.throws(() => encodeModel(longer), /the constant a has 4 bytes where 8 are needed/);
});
