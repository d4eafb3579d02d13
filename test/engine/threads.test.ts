import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
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
