import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceTensor } from "../../../src/engine/device-memory";
import { renamed, ResidentTensors } from "../../../src/models/layers/resident";
import { float32Tensor } from "../../../src/tensors/tensor";

/** Tensors on a device that note by their names when they are freed. */
function device() {
  const freed: string[] = [];
  const tensor = (name: string, rows = 2) =>
    new DeviceTensor("float32", [rows, 1], { dispose: () => void freed.push(name) } as never);
  return { freed, tensor };
}

test("what is replaced is freed, what keeps its place is not", async () => {
  const { freed, tensor } = device();
  const [key, mask] = [tensor("key"), tensor("mask")];
  const resident = new ResidentTensors("webgpu", Promise.resolve({ key, mask }));
  const longer = tensor("longer");
  resident.replace({ key: longer });
  assert.deepEqual(await resident.get(), { key: longer, mask });
  assert.deepEqual(freed, ["key"]);
  resident.select([0, 1]);
  assert.deepEqual(await resident.get(), { key: longer, mask }, "the same rows");
  resident.dispose();
  assert.deepEqual(await resident.get(), {});
  assert.deepEqual(freed.sort(), ["key", "longer", "mask"]);
});

test("they stay until what was asked for before is made, in the order in which it was asked", async () => {
  const { freed, tensor } = device();
  const resident = new ResidentTensors("webgpu", { key: tensor("first") });
  let finish: () => void;
  const waits = new Promise<void>((resolve) => (finish = resolve));
  const made = resident.made(async ({ key }) => {
    await waits;
    assert.deepEqual(freed, []);
    return key;
  });
  resident.replace({ key: tensor("second") });
  resident.dispose();
  await new Promise(setImmediate);
  assert.deepEqual(freed, []);
  finish!();
  assert.ok((await made) instanceof DeviceTensor);
  await resident.get();
  assert.deepEqual(freed, ["first", "second"]);
});

test("what fails is told to whoever asks, and ends nothing", async () => {
  const resident = new ResidentTensors("webgpu", Promise.reject(new Error("no room")));
  resident.dispose();
  await new Promise(setImmediate);
  await assert.rejects(resident.get(), /no room/);
});

test("results are inputs of the next step under other names", () => {
  const [key, logits] = [float32Tensor([1], Float32Array.of(1)), float32Tensor([1], Float32Array.of(2))];
  assert.deepEqual(renamed({ "next/0/key": key, logits }, "next/", "past/"), { "past/0/key": key });
});
