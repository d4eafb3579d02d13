import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import Papa from "papaparse";
import { CsvError } from "../../../src/corpus/csv";
import { loadCorpus } from "../../../src/corpus/spc/load";
import { corpusColumns, readPart } from "../../../src/corpus/spc/read";

const real = join(__dirname, "../../../../shared/data/spc");
const withoutReal = existsSync(real) ? false : "Synthetic-Persona-Chat is not at ../shared/data/spc";

const folder = mkdtempSync(join(tmpdir(), "corpus-"));
test.after(() => rmSync(folder, { recursive: true }));

const rows = [
  ["I sail.\nI am 40.", "I bake.\n\n", "User 1: Hi\nUser 2: Hello"],
  ["I sail.", "", ""],
];
const csv = (newline: string) =>
  `${Papa.unparse({ fields: [...corpusColumns], data: rows }, { newline })}${newline}`;
const put = (name: string, data: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
};

test("a row becomes a dialogue with facts, turns, position and oddities", () => {
  const { rows: read, report } = readPart(put("a.csv", csv("\n")), "valid");
  assert.deepEqual(read[0], {
    id: "valid-1",
    split: "valid",
    part: "valid",
    row: 1,
    fileLine: 2,
    personas: [{ facts: ["I sail.", "I am 40."] }, { facts: ["I bake."] }],
    turns: [
      { speaker: 1, text: "Hi", line: 0, placeholders: [] },
      { speaker: 2, text: "Hello", line: 1, placeholders: [] },
    ],
    asides: [],
    text: "User 1: Hi\nUser 2: Hello",
    oddities: { "blank fact": 2 },
  });
  assert.deepEqual(read[1]!.oddities, { "empty conversation": 1, "empty persona": 1 });
  assert.equal(read[1]!.fileLine, 7);
  assert.deepEqual(report.oddities, {
    "blank fact": { occurrences: 2, conversations: 1 },
    "empty conversation": { occurrences: 1, conversations: 1 },
    "empty persona": { occurrences: 1, conversations: 1 },
  });
});

test("CRLF, a byte order mark and gzip give the same rows", () => {
  const plain = readPart(put("a.csv", csv("\n")), "train");
  const windows = readPart(put("b.csv", `\uFEFF${csv("\n").replaceAll("\n", "\r\n")}`), "train");
  const zipped = readPart(put("c.csv.gz", gzipSync(csv("\n"))), "train");
  assert.deepEqual(windows.rows, plain.rows);
  assert.deepEqual(zipped.rows, plain.rows);
  assert.deepEqual(
    [plain, windows, zipped].map(({ report }) => [report.byteOrderMark, report.compressed]),
    [[false, false], [true, false], [false, true]], // prettier-ignore
  );
});

test("columns may stand in another order beside others", () => {
  const data = [
    { x: "1", [corpusColumns[2]]: "User 1: c", "USER 2 personas ": "b", [corpusColumns[0]]: "a" },
  ];
  const { rows } = readPart(put("a.csv", Papa.unparse(data)), "train");
  assert.deepEqual(rows[0]!.personas, [{ facts: ["a"] }, { facts: ["b"] }]);
  assert.equal(rows[0]!.turns[0]!.text, "c");
});

test("a bad file is refused with its name and line, and nothing is half-read", () => {
  const fails = (data: string | Buffer, line: number, problem: RegExp) => {
    const path = put("bad.csv", data);
    assert.throws(
      () => readPart(path, "train"),
      (error: unknown) =>
        error instanceof CsvError &&
        error.path === path &&
        error.line === line &&
        problem.test(error.message),
    );
  };
  fails("", 1, /empty/);
  fails(csv("\n").split("\n")[0]!, 1, /no conversation/);
  fails(
    "user 1 personas,Best Generated Conversation\na,b\n",
    1,
    /no column "user 2 personas"; the header has/,
  );
  fails(csv("\n").replace("user 2", "user 1"), 1, /2 columns "user 1 personas"/);
  fails(`${csv("\n")}a,b,"c\n`, 8, /never closes/);
  fails(Buffer.from(csv("\n"), "utf16le"), 1, /UTF-16/);
  fails(Buffer.from(`${csv("\n")}a,b,caf\u00e9\n`, "latin1"), 8, /0xe9/);
  const zipped = gzipSync(csv("\n").repeat(50), { level: 0 });
  fails(zipped.subarray(0, -8 - '"\nI sail.,,\n'.length), 349, /gzip data are cut off/);
  fails(zipped.subarray(0, 12), 1, /gzip data are cut off/);
});

test("any cut of a file is read as a shorter file or refused", () => {
  const whole = Buffer.from(csv("\n"));
  for (let length = 0; length < whole.length; length++) {
    const path = put("cut.csv", whole.subarray(0, length));
    try {
      assert.ok(readPart(path, "train").rows.length <= 2);
    } catch (error) {
      assert.ok(error instanceof CsvError, String(error));
    }
  }
});

test("a file whose turns have other labels is refused, with what it has in their place", () => {
  const table = (texts: string[]) =>
    `${Papa.unparse({ fields: [...corpusColumns], data: texts.map((text) => ["a", "b", text]) })}\n`;
  const labelled = (first: string, second: string, times: number) =>
    Array.from({ length: times }, (_, i) => `${first} Hi ${i}\n${second} Hello\n${first} Bye`);
  const refused = (texts: string[], problem: RegExp, line = 2) =>
    assert.throws(
      () => readPart(put("labels.csv", table(texts)), "train"),
      (error: unknown) => error instanceof CsvError && error.line === line && problem.test(error.message),
    );
  refused(
    labelled("A:", "B:", 40),
    /no line starts with "User 1:" or "User 2:".*found "A:" in 40 of 40 conversations and "B:" in 40 of 40/,
  );
  refused(["", "no speaker\nat all"], /begin with no label at all/, 3);
  refused(["", " "], /no conversation of this file has any text/);
  // Nearly none: fewer than a tenth of those with text.
  const odd = labelled("Anna:", "Ben:", 19);
  refused(["", "User 1: Hi", ...odd], /in all but 1 of 20 conversations no line.*"Anna:" in 19 of 20/, 4);
  const { report } = readPart(
    put("labels.csv", table([...labelled("User 1:", "User 2:", 2), ...odd.slice(1)])),
    "train",
  );
  assert.deepEqual([report.conversations, report.turns], [20, 6]);
  assert.deepEqual(report.oddities["no speaker"], { occurrences: 54, conversations: 18 });
});

test("semicolons are read, and it is said", async () => {
  const source = mkdtempSync(join(folder, "semicolons-"));
  for (const part of ["train", "valid", "test"]) {
    const table = Papa.unparse(
      { fields: [...corpusColumns], data: rows },
      { delimiter: part === "test" ? "," : ";", newline: "\r\n" },
    );
    writeFileSync(join(source, `${part}.csv`), `\uFEFF${table}`);
  }
  const corpus = await loadCorpus({ directory: source });
  assert.equal(corpus.splits.train[0]!.turns[1]!.text, "Hello");
  assert.equal(
    corpus.source.why,
    'the folder was named; fields are separated by ";", not by commas, in train.csv, valid.csv',
  );
});

test("a missing file is named with the names looked for", async () => {
  await assert.rejects(loadCorpus({ directory: folder }), /part "train".*train\.csv, train\.csv\.gz, Synth/);
});

test("where a corpus is not, it is said what is there", async () => {
  for (const name of ["sheets", "empty", "folders/train.csv"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "sheets/train.xlsx"), "");
  writeFileSync(join(folder, "a.csv"), "a,b");
  for (const [name, said] of [
    ["none", /none: no file for the part "train".*: there is no such folder; a corpus' folder has a CSV/],
    ["sheets", /it holds train\.xlsx; /],
    ["folders", /folders: no file for the part "train".*it holds train\.csv; /],
    ["a.csv", /a\.csv: no file for the part "train".*it is a file; name the folder that it lies in; /],
    ["a.csv/b", /there is no such folder; /],
    ["empty", /it is an empty folder; /],
  ] as const)
    await assert.rejects(loadCorpus({ directory: join(folder, name) }), said);
});

test("published names and gzip are found; options draw other splits", async () => {
  const source = mkdtempSync(join(folder, "named-"));
  const table = Papa.unparse({
    fields: [...corpusColumns],
    data: Array.from({ length: 20 }, (_, i) => ["a", "b", `User 1: ${i}`]),
  });
  writeFileSync(join(source, "Synthetic-Persona-Chat_train.csv"), table);
  writeFileSync(join(source, "valid.csv.gz"), gzipSync(table));
  writeFileSync(join(source, "test.csv"), table);
  writeFileSync(join(source, "New-Persona-New-Conversations.csv"), table);
  const official = await loadCorpus({ directory: source, newPersona: true });
  const sizes = ({ splits }: typeof official) =>
    [splits.train, splits.valid, splits.test].map((s) => s.length);
  assert.deepEqual(sizes(official), [20, 20, 20]);
  assert.equal(official.newPersona[0]!.id, "new-persona-1");
  const random = await loadCorpus({ directory: source, splits: "8:1:1" });
  assert.deepEqual(sizes(random), [48, 6, 6]);
  assert.deepEqual(random.newPersona, []);
  const small = await loadCorpus({ directory: source, small: { nTrain: 3, nVal: 2, nTest: 1 } });
  assert.deepEqual(sizes(small), [3, 2, 1]);
});

test(
  "the real corpus: the rows that papaparse reads, the known oddities counted",
  { skip: withoutReal },
  async () => {
    const { splits, files } = await loadCorpus({ directory: real });
    assert.deepEqual(
      files.map(({ conversations }) => conversations),
      [8902, 1000, 968],
    );
    const count = (name: string) =>
      files
        .slice(1)
        .reduce((sum, { oddities }) => sum + (oddities[name as "placeholder"]?.conversations ?? 0), 0);
    assert.equal(count("empty conversation"), 1);
    assert.equal(count("blank line"), 99);
    const starred = [...splits.valid, ...splits.test].flatMap(
      ({ text }) => text.match(/^\*User 1:\*/gm) ?? [],
    );
    assert.equal(starred.length, 15);
    for (const split of ["valid", "test"] as const) {
      const table = Papa.parse<Record<string, string>>(readFileSync(join(real, `${split}.csv`), "utf8"), {
        header: true,
        skipEmptyLines: true,
      });
      assert.deepEqual(
        splits[split].map(({ text }) => text),
        table.data.map((row) => row[corpusColumns[2]]!.replaceAll("\r\n", "\n")),
      );
    }
  },
);
