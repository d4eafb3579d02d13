import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { writeCsv, writeJson, writeJsonLines } from "../../src/io/files";
import { query } from "../../src/sql/query";

const folder = mkdtempSync(join(tmpdir(), "sql-files-"));
test.after(() => rmSync(folder, { recursive: true }));

/** More rows than DuckDB looks at before it guesses (20,480), all of the plainest kind. */
const plain = Array.from({ length: 25_000 }, (_, i) => i);

const put = (name: string, data: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
};
const read = (file: string, sql = "SELECT * FROM t") => query(sql, { tables: { t: { file } } });

test("a CSV file's last rows are read like its first, however late they are the first of their kind", async () => {
  const rows = plain.map((i) => `${i},plain,${i},,x`);
  const late = '25000,"quoted, ""so""\nin two lines",no number,at last,"tab\tsemicolon;"';
  for (const mark of ["", "\uFEFF"]) {
    const file = put("late.csv", `${mark}"a ""name""",text,mixed,empty,last\n${rows.join("\n")}\n${late}\n`);
    const found = await read(file, `SELECT * FROM t WHERE "a ""name""" IN (0, 25000)`);
    assert.deepEqual(found, [
      { 'a "name"': 0, text: "plain", mixed: "0", empty: null, last: "x" },
      {
        'a "name"': 25000,
        text: 'quoted, "so"\nin two lines',
        mixed: "no number",
        empty: "at last",
        last: "tab\tsemicolon;",
      },
    ]);
  }
});

test("only what JSON calls a number is one; everything else keeps its characters", async () => {
  const file = put(
    "kinds.csv",
    "whole,real,flag,zeros,large,date,time,decimal,infinite,mixed\n" +
      "1,1e-7,true,007,9007199254740993,2026-01-02,12:00,\"0,5\",1e400,true\n" +
      "-2,0.5,false,012,1,2026-01-03,13:00,\"1,5\",1,1\n,,,,,,,,,\n", // prettier-ignore
  );
  const none = { whole: null, real: null, flag: null, zeros: null, large: null, date: null, time: null, decimal: null, infinite: null, mixed: null }; // prettier-ignore
  assert.deepEqual(await read(file), [
    { whole: 1, real: 1e-7, flag: true, zeros: "007", large: "9007199254740993", date: "2026-01-02", time: "12:00", decimal: "0,5", infinite: "1e400", mixed: "true" },
    { whole: -2, real: 0.5, flag: false, zeros: "012", large: "1", date: "2026-01-03", time: "13:00", decimal: "1,5", infinite: "1", mixed: "1" },
    none,
  ]); // prettier-ignore
});

test("very long lines, one column, a header alone, and what looks like a comment or another header", async () => {
  const long = "x".repeat(5_000_000);
  assert.deepEqual(await read(put("long.csv", `a,b\n1,"${long}\n${long}"\n`)), [
    { a: 1, b: `${long}\n${long}` },
  ]);
  assert.deepEqual(await read(put("one.csv", "a\n# no comment\n'single'\n")), [
    { a: "# no comment" },
    { a: "'single'" },
  ]);
  assert.deepEqual(await read(put("header.csv", "a,b\n")), []);
  assert.deepEqual(await read(put("numbers.csv", "1,2\n3,4\n")), [{ 1: 3, 2: 4 }]);
  assert.deepEqual(await read(put("index.csv", ",a\n0,x\n")), [{ column0: 0, a: "x" }]);
});

test("a CSV file that is not one is refused as everywhere, with file and line", async () => {
  await assert.rejects(
    read(put("ragged.csv", `a,b\n${"1,2\n".repeat(25_000)}3\n`)),
    /ragged\.csv, line 25002: /,
  );
  await assert.rejects(read(put("open.csv", 'a,b\n1,"2\n')), /open\.csv, line 2: .*never closes/);
  await assert.rejects(
    read(put("twice.csv", "a,a\n1,2\n")),
    /twice\.csv, line 1: two columns are called "a"/,
  );
  await assert.rejects(
    read(
      put(
        "pointer.csv",
        `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 9\n`,
      ),
    ),
    /pointer\.csv, line 1: the file is a Git LFS pointer/,
  );
  await assert.rejects(read(put("page.json", "<!DOCTYPE html><html></html>")), /page\.json is an HTML page/);
});

test("JSON's columns are of all values, and text stays text", async () => {
  const early = plain.map((i) => ({
    id: i,
    late: null,
    date: "2026-01-02",
    nested: { list: [] as number[] },
  }));
  const last = {
    id: 25000,
    late: "12:00",
    date: "no date",
    nested: { list: [1, 2.5], more: { "a b": true } },
    added: "0123",
  };
  const [jsonl, json, zipped] = ["rows.jsonl", "rows.json", "rows.jsonl.gz"].map((name) =>
    join(folder, name),
  );
  writeJsonLines(jsonl!, [...early, last]);
  writeJson(json!, [...early, last]);
  put("rows.jsonl.gz", gzipSync([...early, last].map((row) => `${JSON.stringify(row)}\n`).join("")));
  for (const file of [jsonl!, json!, zipped!]) {
    assert.deepEqual(
      await read(file, "SELECT * FROM t WHERE id IN (0, 25000) ORDER BY id"),
      [{ id: 0, late: null, date: "2026-01-02", nested: { list: [], more: null }, added: null }, last],
      file,
    );
  }
});

test("JSON of other shapes: numbers of all sizes, many keys, mixed kinds, no records", async () => {
  const numbers =
    '{"a": 1.0, "b": 9007199254740993, "c": 18446744073709551615, "d": 1e300, "e": 5e3, "f": {}, "g": null}';
  assert.deepEqual(await read(put("numbers.jsonl", `\uFEFF${numbers}\n`)), [
    { a: 1, b: 9007199254740993n, c: 18446744073709551615n, d: 1e300, e: 5000, f: "{}", g: null },
  ]);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i]));
  assert.deepEqual(await read(put("many.json", JSON.stringify({ many }))), [{ many }]);
  await assert.rejects(
    read(put("mixed.jsonl", '{"a": {"b": 1}}\n{"a": {"b": "x"}}\n')),
    /mixed\.jsonl, a\.b: both number and string values/,
  );
  await assert.rejects(read(put("cut.jsonl", '{"a": 1}\n{"a": 2')), /cut\.jsonl, line 2: not valid JSON/);
  await assert.rejects(read(put("list.json", "[1, 2]")), /list\.json: a number, where a record should be/);
  await assert.rejects(read(put("empty.json", "[]")), /table t: .*empty\.json has no records/);
});

test("whatever records a CSV file holds, they come back", async () => {
  const text = fc
    .string({ unit: fc.constantFrom('"', ",", ";", "\t", "\n", "'", "#", " ", "a", "é", "😀") })
    .map((text) => `${text}.`);
  const rows = fc.array(
    fc.record({ text, number: fc.double({ noNaN: true, min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }), flag: fc.boolean() }, { noNullPrototype: true }), // prettier-ignore
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(rows, async (records) => {
      const file = join(folder, "any.csv");
      writeCsv(file, records);
      // String(-0) is "0".
      assert.deepEqual(await read(file), records.map((row) => ({ ...row, number: row.number + 0 }))); // prettier-ignore
    }),
    { numRuns: 50 },
  );
});
