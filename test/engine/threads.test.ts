import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { mock, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { compile } from "../../src/engine/compile";
import { EngineError } from "../../src/engine/errors";
import { FrozenProgram } from "../../src/engine/frozen";
import { defaultThreads } from "../../src/engine/threads";

const processor = (number: number, socket: number, core: number) =>
  `processor\t: ${number}\nmodel name\t: some\nphysical id\t: ${socket}\ncore id\t\t: ${core}\ncpu cores\t: 2\n`;

test("one thread for each core, not for each of its hardware threads", () => {
  const cpuinfo = [processor(0, 0, 0), processor(1, 0, 1), processor(2, 0, 0), processor(3, 0, 1)].join("\n");
  assert.equal(defaultThreads(cpuinfo, 4), 2);
});

test("cores of two sockets have the same ids and count twice", () => {
  assert.equal(defaultThreads([processor(0, 0, 0), processor(1, 1, 0)].join("\n"), 2), 2);
});

test("no more threads than the process may use", () => {
  assert.equal(defaultThreads([processor(0, 0, 0), processor(1, 0, 1)].join("\n"), 1), 1);
});

test("all processors where cores are not named, as on ARM and outside Linux", () => {
  assert.equal(defaultThreads("processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\nBogoMIPS\t: 50\n", 2), 2);
  assert.equal(defaultThreads("", 8), 8);
});

test("on this machine between one and all processors", () => {
  assert.ok(defaultThreads() >= 1 && defaultThreads() <= availableParallelism());
});

test("as many as PERSONA_THREADS says, which must be a number of threads", () => {
  assert.equal(defaultThreads("", 8, "3"), 3);
  assert.equal(defaultThreads("", 8, ""), 8);
  for (const share of ["0", "-1", "1.5", "two", "1e1", " 2"])
    assert.throws(() => defaultThreads("", 8, share), EngineError, share);
});

test("every session that is made has the share of this process", async (t) => {
  process.env["PERSONA_THREADS"] = "3";
  t.after(() => delete process.env["PERSONA_THREADS"]);
  const create = mock.method(ort.InferenceSession, "create");
  t.after(() => create.mock.restore());
  const square = ({ x }: { x: tf.Tensor }) => ({ y: tf.square(x) });
  const signature = { x: { dtype: "float32", shape: [2] } } as const;
  await (await compile(square, signature)).dispose();
  await (await FrozenProgram.create(square, signature, { constantOf: () => undefined })).dispose();
  const options = create.mock.calls.map(
    ({ arguments: given }) => given.at(-1) as ort.InferenceSession.SessionOptions,
  );
  assert.deepEqual(
    options.map(({ intraOpNumThreads }) => intraOpNumThreads),
    [3, 3],
  );
});
