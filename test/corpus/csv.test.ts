import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import Papa from "papaparse";
import { CsvError, parseCsv } from "../../src/corpus/csv";

const parse = (text: string) => parseCsv(Buffer.from(text), "some.csv");
const fails = (data: string | Buffer, line: number, problem: RegExp) =>
  assert.throws(
    () => parseCsv(Buffer.from(data as string), "some.csv"),
    (error: unknown) => {
      assert.ok(error instanceof CsvError, String(error));
      assert.equal(error.line, line, error.message);
      assert.match(error.message, problem);
      assert.ok(error.message.startsWith(`some.csv, line ${line}: `));
      return true;
    },
  );

test("quoted fields hold commas, quotes and line breaks; each record knows its line", () => {
  const { header, rows } = parse('a,b\n"1, one","say ""hi""\r\nthere"\r\nx,\r\n\n"",é😀');
  assert.deepEqual(header, ["a", "b"]);
  assert.deepEqual(rows, [
    { line: 2, fields: ["1, one", 'say "hi"\nthere'] },
    { line: 4, fields: ["x", ""] },
    { line: 6, fields: ["", "é😀"] },
  ]);
});

test("LF, CRLF, CR and a byte order mark make no difference", () => {
  const expected = [["1", "2"], ["3", "4"]]; // prettier-ignore
  for (const lineBreak of ["\n", "\r\n", "\r"]) {
    for (const mark of ["", "\uFEFF"]) {
      for (const last of ["", lineBreak]) {
        const table = parse(mark + ["a,b", "1,2", "3,4"].join(lineBreak) + last);
        assert.equal(table.byteOrderMark, mark !== "");
        assert.deepEqual(table.header, ["a", "b"]);
        assert.deepEqual(
          table.rows.map(({ fields }) => fields),
          expected,
        );
        assert.deepEqual(
          table.rows.map(({ line }) => line),
          [2, 3],
        );
      }
    }
  }
});

test("a malformed file is refused with its line", () => {
  fails("", 1, /empty/);
  fails("\n\n", 1, /empty/);
  fails("\uFEFF", 1, /empty/);
  fails('a,b\n1,2\n3,"4\n5', 3, /never closes/);
  fails('a,b\n"1\n2",3\n"4"x,y\n', 4, /quote/);
  fails('a,b\n"1\n2"x,3\n', 2, /quote/);
  fails("a,b\n1,2\n3\n", 3, /1 field, the header has 2/);
  fails("a,b\n1,2,3\n", 2, /3 fields, the header has 2/);
  fails(Buffer.from("\uFEFFa,b\n1,2", "utf16le"), 1, /UTF-16/);
  fails(Buffer.from("a,b\n1,2", "utf16le"), 1, /UTF-16/);
  fails(Buffer.from("a,b\n1,2\ncaf\xe9,4\n", "latin1"), 3, /byte 0xe9 is not UTF-8/);
  fails(Buffer.concat([Buffer.from("a\né\n"), Buffer.from([0xf0, 0x9f])]), 3, /byte 0xf0/);
});

test("semicolons and tabs separate fields where only they divide the header, or a first line says so", () => {
  const fields = (text: string) => {
    const { header, rows, delimiter } = parse(text);
    return [delimiter, header, ...rows.map(({ fields }) => fields)];
  };
  const table = [["a", "b"], ["1, one;\n\tx", "2"]]; // prettier-ignore
  for (const mark of ["", "\uFEFF"]) {
    assert.deepEqual(fields(`${mark}a;b\n"1, one;\n\tx";2\n`), [";", ...table]);
    assert.deepEqual(fields(`${mark}\n"a"\tb\r\n"1, one;\r\n\tx"\t2\r\n`), ["\t", ...table]);
    for (const delimiter of [",", ";", "\t", "|"]) {
      const hinted = `${mark}sep=${delimiter}\na${delimiter}b\n"1, one;\n\tx"${delimiter}2\n`;
      assert.deepEqual(fields(hinted), [delimiter, ...table]);
      assert.deepEqual(
        parse(hinted).rows.map(({ line }) => line),
        [3],
      );
    }
  }
  // A comma in the header comes first, unless it is inside a field.
  assert.deepEqual(fields("a;b,c\n1,2\n"), [",", ["a;b", "c"], ["1", "2"]]);
  assert.deepEqual(fields('"a, b";c\n1,5;2\n'), [";", ["a, b", "c"], ["1,5", "2"]]);
  assert.deepEqual(fields("a;b\tc\n1\n"), [",", ["a;b\tc"], ["1"]]);
  fails('sep=;\na;b\n1;"2\n', 3, /never closes/);
  fails("a;b\n1;2;3\n", 2, /3 fields, the header has 2/);
});

test("what is no CSV file is called by its name", () => {
  fails(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`,
    1,
    /Git LFS pointer.*git lfs pull/,
  );
  fails("<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", 1, /HTML page/);
  fails(
    Buffer.from("PK\x03\x04" + "\0".repeat(22) + "\x13\0\0\0[Content_Types].xml", "latin1"),
    1,
    /spreadsheet.*CSV/,
  );
});

test("parse(write(x)) is x but for line breaks, whatever the fields hold", () => {
  const field = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "a", " ", "é") }),
  );
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) =>
      fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
    );
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n"), fc.boolean(), (rows, newline, quotes) => {
      fc.pre(rows.flat().every((text) => !text.includes("\0") && Buffer.from(text).toString() === text));
      const { header, rows: read } = parse(`${Papa.unparse(rows, { newline, quotes })}${newline}`);
      assert.deepEqual([header, ...read.map(({ fields }) => fields)], asRead(rows));
    }),
    { numRuns: 300 },
  );
});

/** Line breaks are unified, and a byte order mark at the very start belongs to the file, not to the first field. */
function asRead(rows: string[][]): string[][] {
  const unified = rows.map((row) => row.map((text) => text.replace(/\r\n?/g, "\n")));
  unified[0]![0] = unified[0]![0]!.replace(/^\uFEFF/, "");
  return unified;
}

test("any bytes are either read or refused with a line of the file", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .string({ unit: fc.constantFrom('"', ",", "\n", "\r", "x", "é"), maxLength: 40 })
      .map((text) => new Uint8Array(Buffer.from(text))),
    fc
      .tuple(fc.string({ unit: fc.constantFrom("é", "😀", "\n", "a") }), fc.nat())
      .map(([text, cut]) => new Uint8Array(Buffer.from(text)).subarray(0, cut % 20)),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      try {
        const { header, rows } = parseCsv(data, "any");
        assert.ok(rows.every(({ fields }) => fields.length === header.length));
      } catch (error) {
        assert.ok(error instanceof CsvError, String(error));
        const lines = Buffer.from(data)
          .toString("latin1")
          .split(/\r\n|\r|\n/).length;
        assert.ok(error.line >= 1 && error.line <= lines, error.message);
      }
    }),
    { numRuns: 2000 },
  );
});
