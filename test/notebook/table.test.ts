import assert from "node:assert/strict";
import { test } from "node:test";
import { showTable } from "../../src/display/table";
import { capture } from "./capture";

const rows = [
  { name: '<b onclick="x">&', n: 12345, score: 0.5 },
  { name: "two\nlines", n: 2, score: null },
];

test("outside a notebook a table is aligned text", () => {
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => void lines.push(text);
  try {
    showTable(rows, { caption: "Scores", digits: 2 });
  } finally {
    console.log = log;
  }
  assert.equal(
    lines.join("\n"),
    [
      "Scores",
      "name                   n  score",
      "----------------  ------  -----",
      '<b onclick="x">&  12,345   0.50',
      "two lines              2",
    ].join("\n"),
  );
});

test("in a notebook it is HTML with everything escaped, and the text beside it", () => {
  const [output] = capture(() => showTable(rows, { caption: "<i>", columns: ["name", "n"] }));
  const html = output!.data["text/html"] as string;
  assert.match(html, /<caption>&#60;i&#62;<\/caption>/);
  assert.match(html, /<td style="text-align:left">&#60;b onclick=&#34;x&#34;&#62;&#38;<\/td>/);
  assert.match(html, /<td style="text-align:right">12,345<\/td>/);
  assert.doesNotMatch(html, /score/);
  assert.match(output!.data["text/plain"] as string, /12,345/);
});

test("a frame in danfojs's shape is a table too, an unknown column an error, no rows no error", () => {
  const frame = { columns: ["a", "b"], values: [[1, "x"]] };
  const [output, empty] = capture(() => {
    showTable(frame);
    showTable([]);
  });
  assert.equal(output!.data["text/plain"], "a  b\n-  -\n1  x");
  assert.ok(empty);
  assert.throws(
    () => showTable(rows, { columns: ["nme"] }),
    /no row has a column "nme" \(there are name, n, score\)/,
  );
});

test("numbers of every size are readable, and none that is not zero is shown as zero", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [-5, "-5"],
    [9999, "9999"],
    [10_000, "10,000"],
    [12345.5, "12,345.500"],
    [-12345678.25, "-12,345,678.250"],
    [9999.9999, "10,000.000"],
    [1234.5, "1234.500"],
    [0.5, "0.500"],
    [1.0004, "1.000"],
    [0.0005, "0.001"],
    [0.0003, "0.0003"],
    [-0.00012345, "-0.00012"],
    [1e-9, "1e-9"],
    [1e15, "1000000000000000"],
    [1.23456789e21, "1.23457e+21"],
    [NaN, "NaN"],
    [Infinity, "∞"],
    [-Infinity, "-∞"],
  ];
  const [output] = capture(() => showTable(cases.map(([n]) => ({ n }))));
  const shown = (output!.data["text/plain"] as string)
    .split("\n")
    .slice(2)
    .map((line) => line.trim());
  assert.deepEqual(
    shown,
    cases.map(([, text]) => text),
  );
});

test("intervals, names and ids are not broken over lines, longer texts are; a caption has room", () => {
  const row = { id: "train-17", score: "0.305 [0.302, 0.307]", n: 1, text: "a word and ".repeat(10) };
  const caption = "How many ways there are to begin";
  const [output, plain] = capture(() => {
    showTable([row], { caption });
    showTable([row]);
  });
  const html = output!.data["text/html"] as string;
  const styles = [...html.matchAll(/<td style="([^"]*)"/g)].map(([, style]) => style);
  assert.deepEqual(styles, [
    "text-align:left;white-space:nowrap",
    "text-align:left;white-space:nowrap",
    "text-align:right",
    "text-align:left",
  ]);
  assert.equal(/<table style="min-width:(\d+)em">/.exec(html)?.[1], "18");
  assert.match(plain!.data["text/html"] as string, /^<table><thead>/);
});

test("lists and records are shown as JSON, with whole numbers of any size, and with themselves in them", () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle["self"] = [circle];
  const values: [unknown, string][] = [
    [[1n, 2n ** 70n, "x", null, undefined], '[1,1180591620717411303424,"x",null,null]'],
    [{ n: [10n], "a b": { c: NaN } }, '{"n":[10],"a b":{"c":null}}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [circle, '{"a":1,"self":["[itself]"]}'],
    [2n ** 60n, "1152921504606846976"],
  ];
  for (const [value, shown] of values) {
    const [output] = capture(() => showTable([{ value }]));
    assert.equal((output!.data["text/plain"] as string).split("\n")[2], shown);
  }
  const [output] = capture(() => showTable([{ n: 5n }, { n: 10 }]));
  assert.match(output!.data["text/html"] as string, /<td style="text-align:right">5<\/td>/);
});
