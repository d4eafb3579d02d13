import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseConversation } from "../../src/corpus/spc/conversation";
import type { SpcRow } from "../../src/corpus/spc/types";
import { writeCsv, writeJson, writeJsonLines } from "../../src/io/files";
import { corpusTables } from "../../src/sql/corpus-tables";
import { openTables, query } from "../../src/sql/query";

const folder = mkdtempSync(join(tmpdir(), "sql-"));
test.after(() => rmSync(folder, { recursive: true }));

const conversation = (row: number, text: string): SpcRow => ({
  id: `train-${row}`,
  split: "train",
  part: "train",
  row,
  fileLine: row + 1,
  personas: [{ facts: ["I sail.", "I'm 40."] }, { facts: ["I ski."] }],
  text,
  ...parseConversation(text),
});

test("the corpus as tables: counts by speaker, joined with facts", async () => {
  const tables = corpusTables([
    conversation(1, "User 1: Hi [name]\nUser 2: Hello\nUser 1: Bye"),
    conversation(2, "[Later]\n\nUser 2: Oh"),
  ]);
  const rows = await query<{ speaker: number; n: number; facts: number }>(
    `SELECT speaker, count(*) AS n, (SELECT count(DISTINCT fact) FROM facts f WHERE f.speaker = t.speaker) AS facts
     FROM turns t GROUP BY speaker ORDER BY speaker`,
    { tables },
  );
  assert.deepEqual(rows, [
    { speaker: 1, n: 2, facts: 2 },
    { speaker: 2, n: 2, facts: 1 },
  ]);
  const odd = await query("SELECT conversation, oddities FROM conversations WHERE asides > 0", { tables });
  assert.deepEqual(odd, [
    { conversation: "train-2", oddities: "stage direction,blank line,starts with User 2" },
  ]);
});

test("records come back as they were, of every kind, over several chunks", async () => {
  const records = Array.from({ length: 5000 }, (_, i) => ({
    'a "name", ; --': `text ${i} 'quoted' é😀`,
    whole: i - 2500,
    large: i * 2 ** 40,
    real: i / 3,
    flag: i % 2 === 0,
    gap: i % 3 === 0 ? null : i,
    none: null,
  }));
  assert.deepEqual(
    await query('SELECT * FROM "t ""x""" ORDER BY whole', { tables: { 't "x"': records } }),
    records,
  );
});

test("whatever the strings and numbers, they come back", async () => {
  const value = fc.record({
    text: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0") && Buffer.from(text).toString() === text),
    number: fc.double({ noNaN: true }),
    maybe: fc.option(fc.maxSafeInteger()),
  }, { noNullPrototype: true }); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 20 }), async (records) => {
      assert.deepEqual(await query("SELECT * FROM t", { tables: { t: records } }), records);
    }),
    { numRuns: 30 },
  );
});

test("sums and large whole numbers: number where exact, else bigint; lists and structs too", async () => {
  const [row] = await query(
    "SELECT sum(x) AS s, 9007199254740993::BIGINT AS large, [1::BIGINT, 2] AS list, {'a': 3::BIGINT} AS struct, 1.5::DECIMAL(4,2) AS d FROM t",
    { tables: { t: [{ x: 1 }, { x: 2 }] } },
  );
  assert.deepEqual(row, { s: 3, large: 9007199254740993n, list: [1, 2], struct: { a: 3 }, d: 1.5 });
});

test("files of results are tables", async () => {
  const rows = [
    { variant: "a, b", score: 0.5 },
    { variant: 'say "x"\nthen', score: 1 },
  ];
  const csv = join(folder, "it's.csv");
  const lines = join(folder, "rows.jsonl");
  const json = join(folder, "rows.json");
  const zipped = join(folder, "rows.csv.gz");
  writeCsv(csv, rows);
  writeJsonLines(lines, rows);
  writeJson(json, rows);
  writeFileSync(zipped, gzipSync("variant,score\nz,2\n"));
  for (const file of [csv, lines, json]) {
    assert.deepEqual(await query("SELECT * FROM r ORDER BY score", { tables: { r: { file } } }), rows, file);
  }
  assert.deepEqual(await query("SELECT * FROM r", { tables: { r: { file: zipped } } }), [
    { variant: "z", score: 2 },
  ]);
});

test("parameters are values, never SQL", async () => {
  const tables = { t: [{ name: "x'; DROP TABLE t; --" }] };
  const found = await query("SELECT count(*) AS n FROM t WHERE name = $1", {
    tables,
    parameters: [tables.t[0]!.name],
  });
  assert.deepEqual(found, [{ n: 1 }]);
});

test("one database answers many queries", async () => {
  const database = await openTables({ t: [{ x: 1 }] });
  assert.deepEqual(await database.query("SELECT x FROM t"), [{ x: 1 }]);
  assert.deepEqual(await database.query("SELECT x + 1 AS y FROM t"), [{ y: 2 }]);
  database.close();
});

test("what is no table, no file or no SQL is an error that says so", async () => {
  await assert.rejects(query("SELECT 1", { tables: { t: [] } }), /table t: no records/);
  await assert.rejects(
    query("SELECT 1", { tables: { t: [{ x: 1 }, { x: "a" }] } }),
    /column x: both number and string/,
  );
  const records = [{ x: {} }] as unknown as { x: number }[];
  await assert.rejects(
    query("SELECT 1", { tables: { t: records } }),
    /column x: a object value does not fit/,
  );
  await assert.rejects(
    query("SELECT 1", { tables: { t: { file: join(folder, "no.csv") } } }),
    /no\.csv: no such file/,
  );
  await assert.rejects(
    query("SELECT 1", { tables: { t: { file: __filename } } }),
    /not a \.csv, \.json or \.jsonl/,
  );
  await assert.rejects(query("SELECT y FROM t", { tables: { t: [{ x: 1 }] } }), /"?y"? not found/);
});
