import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Papa from "papaparse";
import fc from "fast-check";
import {
  readJson,
  sha256,
  sha256File,
  writeChunksWhole,
  writeCsv,
  writeFileWhole,
  writeJsonLines,
} from "../../src/io";

const folder = mkdtempSync(join(tmpdir(), "files-"));
test.after(() => rmSync(folder, { recursive: true }));

test("a file is written whole, into folders that are made, with nothing left beside it", () => {
  const path = join(folder, "a/b/c.bin");
  writeFileWhole(path, Uint8Array.of(1, 2, 3).subarray(1));
  assert.deepEqual([...readFileSync(path)], [2, 3]);
  assert.deepEqual(readdirSync(join(folder, "a/b")), ["c.bin"]);
});

test("a write that fails leaves the old file", () => {
  const path = join(folder, "kept.json");
  writeFileWhole(path, "old");
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  assert.throws(() => writeJsonLines(path, [circular]));
  assert.equal(readFileSync(path, "utf8"), "old");
});

test("CSV comes back as it was written, whatever the fields hold", () => {
  const path = join(folder, "table.csv");
  fc.assert(
    fc.property(
      fc.array(fc.record({ a: fc.string(), "b c": fc.string() }, { noNullPrototype: true }), {
        minLength: 1,
      }),
      (rows) => {
        writeCsv(path, rows);
        const read = Papa.parse(readFileSync(path, "utf8").slice(0, -1), { header: true, newline: "\n" });
        assert.deepEqual(read.data, rows);
      },
    ),
    { numRuns: 50, examples: [[[{ a: 'say "hi",\nthen\r\n', "b c": " 007 " }]]] },
  );
});

test("sha256 of the empty string and of 'abc' are the published ones", async () => {
  assert.equal(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const path = join(folder, "abc");
  writeFileSync(path, "abc");
  assert.equal(await sha256File(path), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a missing or malformed JSON file is named", () => {
  const path = join(folder, "bad.json");
  writeFileSync(path, "{");
  assert.throws(() => readJson(path), /bad\.json: not valid JSON/);
  assert.throws(() => readJson(join(folder, "none.json")), /none\.json: no such file/);
});

test("a file from pieces is written whole, and a failing piece leaves the old file and nothing beside it", () => {
  const path = join(folder, "pieces/p.bin");
  writeChunksWhole(path, [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
  assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
  const failing = function* () {
    yield Uint8Array.of(9);
    throw new Error("no more");
  };
  assert.throws(() => writeChunksWhole(path, failing()), /no more/);
  assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
  assert.deepEqual(readdirSync(join(folder, "pieces")), ["p.bin"]);
});
