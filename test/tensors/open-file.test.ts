import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OpenFile } from "../../src/tensors/open-file";

const folder = mkdtempSync(join(tmpdir(), "open-file-"));
test.after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file");

test("bytes are read where they are asked for, each time into a buffer of their own", () => {
  writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5));
  const file = new OpenFile(path);
  assert.equal(file.size, 5);
  const [first, again] = [file.read(1, 3), file.read(1, 3)];
  assert.deepEqual([...first], [2, 3, 4]);
  assert.notEqual(first.buffer, again.buffer);
  assert.equal(first.byteOffset, 0);
  assert.throws(() => file.read(3, 3), /file: ends at byte 5, before byte 6/);
  file.close();
  file.close();
  assert.throws(() => file.read(0, 1), /file: already closed/);
});

test("a file that is written over is an error of the next read, one that is replaced is read on", () => {
  writeFileSync(path, "before");
  const file = new OpenFile(path);
  assert.ok(file.isAtPath());
  writeFileSync(`${path}.new`, "after!");
  renameSync(`${path}.new`, path);
  assert.equal(file.isAtPath(), false);
  assert.equal(Buffer.from(file.read(0, 6)).toString(), "before");
  file.close();
  const other = new OpenFile(path);
  appendFileSync(path, "more");
  assert.throws(() => other.read(0, 6), /file: was written over after it was opened; open it again/);
  other.close();
});

test("what is no file is refused by name", () => {
  assert.throws(() => new OpenFile(join(folder, "none")), /none: no such file/);
  assert.throws(() => new OpenFile(folder), /a folder, where a file is needed/);
});
