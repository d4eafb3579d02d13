import assert from "node:assert/strict";
import { test } from "node:test";
import { showTable } from "../../src/notebook";
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
