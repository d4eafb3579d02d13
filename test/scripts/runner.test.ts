import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readNotebook, writeNotebook, type CodeCell, type Notebook } from "../../scripts/runner/notebook";
import { mostPrinted, OutputCollector } from "../../scripts/runner/outputs";
import { PrintedText } from "../../scripts/runner/printed-text";
import { declaredParameters, injectParameters, readOverrides } from "../../scripts/runner/parameters";
import { NotebookFailure, runNotebook, type NotebookRun } from "../../scripts/runner/run-notebook";

const folder = mkdtempSync(join(tmpdir(), "runner-"));
test.after(() => rmSync(folder, { recursive: true }));

let cellIds = 0;
function codeCell(source: string, tags: string[] = []): CodeCell {
  return {
    cell_type: "code",
    id: `c${cellIds++}`,
    metadata: { tags },
    source,
    execution_count: null,
    outputs: [],
  };
}

function notebookOf(...sources: string[]): Notebook {
  return { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: sources.map((source) => codeCell(source)) };
}

/** Runs cells; returns the failure, if there was one, and the notebook as it was saved. */
async function runCells(sources: string[], options: Partial<NotebookRun> = {}) {
  const own = mkdtempSync(join(folder, "run-"));
  const path = join(own, "small.ipynb");
  const saveTo = join(own, "out", "small.ipynb");
  writeNotebook(path, notebookOf(...sources));
  const failure = await runNotebook({
    path,
    saveTo,
    parameters: {},
    environment: process.env,
    limit: 60,
    ...options,
  })
    .then(() => undefined)
    .catch((error: unknown) => error as NotebookFailure);
  const cells = readNotebook(saveTo).cells as CodeCell[];
  return { failure, cells };
}

test("a failure names notebook, cell, line and error; what was done is saved and nothing after it runs", async () => {
  const { failure, cells } = await runCells([
    'console.log("one");',
    "const x: number | undefined = undefined;\n\nfunction check() {\n  throw new Error(`x is ${x}`);\n}",
    'console.log("before");\n\ncheck();',
    'console.log("never");',
  ]);
  assert.ok(failure instanceof NotebookFailure, String(failure));
  assert.deepEqual([failure.cell, failure.line], [3, 3]);
  assert.match(failure.message, /^small\.ipynb, cell 3, line 3: Error: x is undefined\n/);
  assert.deepEqual(
    cells.map((cell) => cell.outputs.map((output) => output.output_type)),
    [["stream"], [], ["stream", "error"], []],
  );
  assert.deepEqual(
    cells.map((cell) => cell.execution_count),
    [1, 2, 3, null],
  );
});

test("a cell past its limit is stopped, whether it waits or loops", async () => {
  const check = async (source: string) => {
    const { failure, cells } = await runCells(['console.log("first");', `console.log("on");\n${source}`], {
      limit: 10,
    });
    assert.match(
      String(failure?.message),
      /^small\.ipynb, cell 2: the cell took longer than its limit of 10 s$/,
    );
    // What the kernel itself warns of, on a busy machine, goes to stderr.
    const outputs = cells[1]!.outputs.filter((one) => one.output_type !== "stream" || one.name !== "stderr");
    assert.deepEqual(
      outputs.map((one) => (one.output_type === "error" ? one.ename : one.output_type)),
      ["stream", "Stopped"],
    );
  };
  await Promise.all(
    ["await new Promise(() => setTimeout(() => {}, 1e6));", "await null; while (true) {}"].map(check),
  );
});

test("a kernel that dies is the failure of its cell, with what it said", async () => {
  const { failure, cells } = await runCells(['console.log("on");\nprocess.abort();']);
  assert.match(String(failure?.message), /^small\.ipynb, cell 1: the kernel was killed by SIGABRT/);
  assert.equal(cells.length, 1);
});

const listening =
  'import { interruptSignal, startProgress } from "./src/display";\n[interruptSignal, startProgress];';
const aborted =
  'startProgress("At work", 2, { after: 0 }).advance();\nawait new Promise((resolve) => interruptSignal().addEventListener("abort", resolve));';
/** Aborts the run once the cell is at work. */
const whenAtWork = (stop: AbortController) => ({
  signal: stop.signal,
  onProgress: ({ note }: { note: string | undefined }) => note?.startsWith("At work") && stop.abort(),
});

test("an abort of the run interrupts the cell and saves", async () => {
  const stop = new AbortController();
  const { failure, cells } = await runCells(
    [listening, `console.log("working");\n${aborted}\nconsole.log("saved");`, '"never"'],
    whenAtWork(stop),
  );
  assert.match(String(failure?.message), /cell 2: interrupted$/);
  const printed = cells[1]!.outputs.map((output) => (output.output_type === "stream" ? output.text : ""));
  assert.equal(printed.join(""), "working\nsaved\n");
  assert.deepEqual(cells[2]!.outputs, []);
});

test("an aborted run waits for what the cell saves, and says what the cell says", async () => {
  const stop = new AbortController();
  const file = join(folder, "saved");
  const { failure, cells } = await runCells(
    [
      listening,
      `${aborted}\nfor (let i = 0; i < 3; i++) {\n  require("node:child_process").execSync("${process.execPath} -e 'setTimeout(() => {}, 1500)'");\n  await null;\n}\nrequire("node:fs").writeFileSync(${JSON.stringify(file)}, "3");\nthrow new Error("stopped after step 3");`,
    ],
    whenAtWork(stop),
  );
  assert.match(String(failure?.message), /cell 2: interrupted: stopped after step 3$/);
  assert.equal(readFileSync(file, "utf8"), "3");
  const last = cells[1]!.outputs.at(-1);
  assert.equal(last?.output_type === "error" && last.evalue, "interrupted: stopped after step 3");
});

test("a kernel that dies while its cell is stopped is said to have died", async () => {
  const stop = new AbortController();
  const { failure } = await runCells(
    [listening, `${aborted}\nprocess.kill(process.pid, "SIGKILL");`],
    whenAtWork(stop),
  );
  assert.match(
    String(failure?.message),
    /cell 2: interrupted, and the kernel was killed by SIGKILL, which is what the system does when memory runs out/,
  );
  assert.match(String(failure?.message), /What the cell had not saved is lost\.$/);
});

test("an error that comes after its cell fails the notebook", async () => {
  const { failure } = await runCells([
    'setTimeout(() => Promise.reject(new Error("late")), 5);\n"done"',
    "await new Promise((resolve) => setTimeout(resolve, 500));",
  ]);
  assert.match(String(failure?.message), /^small\.ipynb, cell [12](, line 1)?: Error: late/);
});

test("parameters are declared by the tagged cell and injected behind it", () => {
  const notebook = notebookOf("1");
  notebook.cells.unshift(
    codeCell(
      'const parameters = { PROFILE: "quick", SEED: 13, RATE: -1e-4, ON: true, CUTS: [64, 96], "NAMES": ["a"] } as const;',
      ["parameters"],
    ),
  );
  const declared = declaredParameters(notebook, "n.ipynb");
  assert.deepEqual(declared, {
    PROFILE: "quick",
    SEED: 13,
    RATE: -1e-4,
    ON: true,
    CUTS: [64, 96],
    NAMES: ["a"],
  });
  const values = readOverrides(
    declared,
    [
      ["SEED", "7"],
      ["CUTS", "[1]"],
    ],
    "n.ipynb",
  );
  const injected = injectParameters(injectParameters(notebook, { SEED: 1 }), values);
  assert.equal(injected.cells.length, 3);
  assert.match(
    injected.cells[1]!.source,
    /^Object\.assign\(parameters, \{\s+"SEED": 7,\s+"CUTS": \[\s+1\s+\]\s+\}\);$/,
  );
  assert.throws(
    () => readOverrides(declared, [["SED", "7"]], "a/n.ipynb"),
    /n\.ipynb has no parameter SED; its parameters: PROFILE, SEED, RATE/,
  );
  assert.throws(() => readOverrides(declared, [["constructor", "7"]], "n.ipynb"), /no parameter constructor/);
  notebook.cells[0]!.source = "const parameters = { N: Math.max(1, 2) };";
  assert.throws(
    () => declaredParameters(notebook, "n.ipynb"),
    /n\.ipynb: its cell tagged parameters must be .*not N: Math/,
  );
});

test("saved outputs are what a front end would show at the end", () => {
  const collector = new OutputCollector();
  const [one, two] = [codeCell(""), codeCell("")];
  const apply = (cell: CodeCell, type: string, content: Record<string, unknown>) =>
    collector.apply(cell, { header: { msg_type: type }, content } as Parameters<OutputCollector["apply"]>[1]);
  const stream = (text: string, name = "stdout") => apply(one, "stream", { name, text });
  const shown = (text: string) => ({
    data: { "text/plain": text },
    metadata: {},
    transient: { display_id: "d" },
  });
  stream("10 %\r20 ");
  stream("%\r30 %");
  stream("\ndone\r\nend\n");
  stream("warning\n", "stderr");
  apply(one, "display_data", shown("first"));
  apply(two, "update_display_data", shown("second"));
  apply(one, "status", { execution_state: "busy" });
  assert.deepEqual(one.outputs, [
    { output_type: "stream", name: "stdout", text: "30 %\ndone\r\nend\n" },
    { output_type: "stream", name: "stderr", text: "warning\n" },
    { output_type: "display_data", data: { "text/plain": "second" }, metadata: {} },
  ]);
  assert.deepEqual(two.outputs, []);
  apply(one, "clear_output", { wait: true });
  assert.equal(one.outputs.length, 3);
  stream("new");
  assert.deepEqual(one.outputs, [{ output_type: "stream", name: "stdout", text: "new" }]);
  apply(one, "clear_output", { wait: false });
  assert.deepEqual(one.outputs, []);
});

const printed = (...texts: string[]) => {
  const print = new PrintedText();
  for (const text of texts) print.write(text);
  return print.text;
};

test("what goes back in a line is as a terminal and Jupyter show it, however the text is cut into pieces", () => {
  const cases: [text: string, shown: string][] = [
    ["abc\rX", "Xbc"],
    ["10 %\r20 %\r30 %", "30 %"],
    ["one\ntwo\rT\nthree\r", "one\nTwo\nthree\r"],
    ["a\r\nb\r\r\nc", "a\r\nb\r\nc"],
    ["\r\rabc", "abc"],
    ["abc\bd", "abd"],
    ["a\n\b\bb", "a\nb"],
    ["99 %\b\b\b\b100 %", "100 %"],
    ["working\r\x1b[Kdone", "done"],
    ["working\x1b[2K\x1b[1Gdone", "done"],
    ["\x1b[31mred\x1b[0m\rgreen", "green"],
    ["\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"],
    ["👍👍👍\r👎", "👎👍👍"],
    ["abc\x1b[1mdef\rA\nB", "Abc\x1b[1mdef\nB"],
  ];
  for (const [text, shown] of cases) {
    assert.equal(printed(text), shown, JSON.stringify(text));
    const parts = text.match(/\x1b\[\d*[A-Za-z]|[^]/gu)!;
    assert.equal(printed(...parts), shown, `${JSON.stringify(text)} in pieces`);
  }
  const moves = fc.array(fc.constantFrom("a", "bc", "\r", "\n", "\b", "👍", "\x1b[K"));
  fc.assert(fc.property(moves, (parts) => assert.equal(printed(...parts), printed(parts.join("")))));
});

test("long lines and many small writes take the time of their length", () => {
  const started = performance.now();
  assert.equal(printed("x".repeat(20_000_000)).length, 20_000_000);
  assert.equal(printed(...Array<string>(20_000).fill("y".repeat(100))).length, 2_000_000);
  assert.equal(printed("z".repeat(1_000_000), ...Array<string>(20_000).fill("\rab\b")).length, 1_000_000);
  const [collector, cell] = [new OutputCollector(), codeCell("")];
  for (let i = 0; i < 20_000; i++) print(collector, cell, "y".repeat(100));
  assert.equal((cell.outputs[0] as { text: string }).text.length, 2_000_000);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 20, `${seconds} s`); // about one; the square of these lengths takes hours
});

function print(collector: OutputCollector, cell: CodeCell, text: string, name = "stdout"): void {
  const header = { msg_type: "stream" } as Parameters<OutputCollector["apply"]>[1]["header"];
  collector.apply(cell, { header, content: { name, text } });
}

test("a cell that prints without end keeps its beginning, and says so once", () => {
  const [collector, cell] = [new OutputCollector(), codeCell("")];
  for (let i = 0; i < 70; i++) print(collector, cell, "x".repeat(1_000_000), i === 69 ? "stderr" : "stdout");
  assert.equal(cell.outputs.length, 1);
  const { text } = cell.outputs[0] as { text: string };
  assert.deepEqual(text.slice(mostPrinted).trim().split("\n"), [
    "[Cut here: a notebook keeps the first 32 million characters that a cell prints; write more to a file.]",
  ]);
  assert.match(text.slice(0, mostPrinted), /^x+$/);
});

test("ten million characters in one line come through the kernel into the notebook within seconds", async () => {
  const started = performance.now();
  const { failure, cells } = await runCells([
    'console.log("x".repeat(10_000_000));\nfor (let i = 0; i < 10_000; i++) process.stdout.write("y".repeat(100));',
    'console.log("\\ud83d alone, 👍 whole");',
  ]);
  assert.equal(failure, undefined);
  const { text } = cells[0]!.outputs[0] as { text: string };
  assert.ok(text === `${"x".repeat(10_000_000)}\n${"y".repeat(1_000_000)}`, `${text.length} characters`);
  assert.equal((cells[1]!.outputs[0] as { text: string }).text, "\ufffd alone, 👍 whole\n");
  assert.ok(performance.now() - started < 60_000, `${performance.now() - started} ms`);
});

test("a notebook comes back as it was written, whatever its text", () => {
  const path = join(folder, "round.ipynb");
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), fc.string({ unit: "binary" }), (sources, text) => {
      const notebook = notebookOf(...sources);
      const cell = codeCell("x");
      cell.outputs.push({ output_type: "stream", name: "stdout", text });
      cell.outputs.push({
        output_type: "display_data",
        data: { "text/html": text, "a/json": { text } },
        metadata: {},
      });
      notebook.cells.push(cell);
      writeNotebook(path, notebook);
      const { cells } = readNotebook(path);
      assert.deepEqual(
        cells.map(({ source }) => source),
        notebook.cells.map(({ source }) => source),
      );
      const [stream, display] = (cells.at(-1) as CodeCell).outputs;
      assert.equal(stream?.output_type === "stream" && stream.text, text);
      assert.deepEqual(display?.output_type === "display_data" && display.data["a/json"], { text });
    }),
    { numRuns: 50 },
  );
  const raw = JSON.parse(readFileSync(path, "utf8")) as { nbformat_minor: number; cells: { id: string }[] };
  assert.equal(raw.nbformat_minor, 5);
  assert.ok(raw.cells.every(({ id }) => /^[\w-]{1,64}$/.test(id)));
});

test("what is no notebook is refused with the file and the place", () => {
  const path = join(folder, "bad.ipynb");
  const cases: [unknown, RegExp][] = [
    [[], /bad\.ipynb: not a notebook of nbformat 4/],
    [{ nbformat: 3, nbformat_minor: 0, cells: [] }, /nbformat/],
    [{ nbformat: 4, nbformat_minor: 5, cells: [{ cell_type: "code", source: 5 }] }, /cells\[0\]\.source/],
    [
      { nbformat: 4, nbformat_minor: 5, cells: [{ cell_type: "heading", source: "" }] },
      /cells\[0\]\.cell_type/,
    ],
  ];
  for (const [value, message] of cases) {
    writeFileSync(path, JSON.stringify(value));
    assert.throws(() => readNotebook(path), message);
  }
});
