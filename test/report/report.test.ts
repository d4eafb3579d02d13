import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import Papa from "papaparse";
import { closeBrowser, closePage, evaluate, openPage, sharedBrowser } from "../../src/figures/page";
import { evaluateVariants } from "../../src/evaluation/evaluate";
import { readJson } from "../../src/io/files";
import { jaccard } from "../../src/metrics/overlap";
import { rougeL } from "../../src/metrics/rouge";
import { checkTrace, readTrace } from "../../src/paper/trace";
import { recompute } from "../../src/report/recompute";
import { writeReport, type WrittenReport } from "../../src/report/write";
import { latexProblems } from "../paper/latex-check";
import { hostile } from "../paper/sample";
import { conversations, fakeModel, writeEvaluations, writeManifest } from "./synthetic";

const outputs = mkdtempSync(join(tmpdir(), "report-"));
const inReport = (name: string) => join(outputs, "report", name);
let report: WrittenReport;
let browser = true;

before(async () => {
  await writeEvaluations(outputs);
  writeManifest(outputs, "03-baselines");
  report = await writeReport({ outputs });
  browser = report.pages.length > 0;
});
after(async () => {
  await closeBrowser();
  rmSync(outputs, { recursive: true });
});

const why = "there is no browser";

/** The value of an expression in the report's page. */
async function inPage<T>(expression: string): Promise<T> {
  const page = await openPage(await sharedBrowser());
  const html = JSON.stringify(readFileSync(inReport("report.html"), "utf8"));
  await evaluate(page, `document.open(); document.write(${html}); document.close();`, "cannot load");
  const value = (await evaluate(page, expression, "cannot evaluate")) as T;
  await closePage(page);
  return value;
}

test("the report is a PDF of at least four pages whose text can be read", (t) => {
  if (!browser) return t.skip(why);
  assert.deepEqual(report.warnings, []);
  assert.ok(report.pages.length >= 4);
  for (const path of [...report.files, ...report.pages]) assert.ok(existsSync(path), path);
  const pdf = readFileSync(inReport("report.pdf"), "latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, report.pages.length);
  assert.match(pdf, /\/MediaBox\s*\[0 0 612 792\]/); // US Letter
  const png = readFileSync(report.pages[0]!);
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1224, 1584]);
  if (spawnSync("pdftotext", ["-v"]).status !== 0) return;
  const text = execFileSync("pdftotext", [inReport("report.pdf"), "-"], { encoding: "utf8" }).replace(
    /\s+/g,
    " ",
  );
  for (const part of ["Abstract", "I. I NTRODUCTION", "References", "onerror="])
    assert.ok(text.toLowerCase().replaceAll(" ", "").includes(part.toLowerCase().replaceAll(" ", "")), part);
});

test("every page has two columns of text and nothing is wider or higher than its place", async (t) => {
  if (!browser) return t.skip(why);
  const [pages, odd] = await inPage<[number, string[]]>(`(() => {
    const odd = [];
    for (const page of document.querySelectorAll(".page")) {
      const limit = page.getBoundingClientRect().bottom - 90;
      for (const column of page.querySelectorAll(".columns > div, .top")) {
        const box = column.getBoundingClientRect();
        if (box.bottom > limit) odd.push("too high: " + column.textContent.slice(0, 40));
        for (const block of column.querySelectorAll("p, table, figure, .equation, code, .work")) {
          const { right } = block.getBoundingClientRect();
          if (right > box.right + 1) odd.push("too wide: " + block.textContent.slice(0, 40));
        }
      }
    }
    return [document.querySelectorAll(".page").length, odd];
  })()`);
  assert.equal(pages, report.pages.length);
  assert.deepEqual(odd, []);
  const columns = await inPage<number[]>(
    `[...document.querySelectorAll(".page")].map((page) => [...page.querySelectorAll(".columns > div")].filter((column) => column.textContent).length)`,
  );
  assert.ok(
    columns.slice(0, -1).every((count) => count === 2),
    columns.join(),
  );
});

test("a number that is in no file does not get into the report", async (t) => {
  if (!browser) return t.skip(why);
  const [values, rest] = await inPage<[string[], string]>(`(() => {
    const values = [...document.querySelectorAll(".page .value")]
      .sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1))).map((element) => element.textContent);
    const notNumbers = ".value, .data, .reference, .katex, .equation > span, .listing, .work, footer, .no-picture";
    for (const element of document.querySelectorAll(notNumbers)) element.remove();
    return [values, [...document.querySelectorAll(".page")].map((page) => page.textContent).join(" ")];
  })()`);
  const { values: traced } = readTrace(inReport("numbers.json"));
  assert.ok(traced.length > 200);
  assert.deepEqual(
    values,
    traced.map(({ printed }) => printed),
  );
  const names = /FLAN-T5|\bT5\b|BM25|SHA-256/g;
  assert.doesNotMatch(rest.replace(names, ""), /.{0,40}\p{Nd}.{0,40}/u);
  assert.deepEqual(checkTrace(inReport("numbers.json"), outputs), []);
});

test("numbers of the results, computed again from the answers", () => {
  const { values } = readTrace(inReport("numbers.json"));
  const scores = values.filter(({ pointer }) => /\/metrics\/(rougeL|jaccard)\/value$/.test(pointer));
  assert.ok(scores.length >= 18); // of the nine variants that the report tells of
  for (const { file, pointer, printed, where } of scores) {
    const [, row, metric] = /^\/variants\/(\d+)\/metrics\/(\w+)\//.exec(pointer)!;
    const { variants } = readJson(join(outputs, file)) as { variants: { variant: string }[] };
    const name = variants[Number(row)]!.variant;
    const lines = readFileSync(
      join(outputs, file.replace("summary", "cases").replace(".json", ".jsonl")),
      "utf8",
    );
    const cases = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { variant: string; output: string; reference: string })
      .filter(({ variant }) => variant === name);
    const one = ({ output, reference }: { output: string; reference: string }) =>
      metric === "rougeL" ? rougeL(output, reference).fmeasure : jaccard(output, reference);
    const mean = cases.reduce((sum, each) => sum + one(each), 0) / cases.length;
    assert.equal(printed, mean.toFixed(3), where);
    const again = recompute({ file, pointer }, outputs)!;
    assert.deepEqual([again.variant, again.answers], [name, cases.length]);
    assert.ok(Math.abs(again.value - mean) < 1e-12);
  }
  const bleu = values.find(({ pointer }) => pointer.endsWith("/metrics/bleu/value"))!;
  assert.equal(recompute(bleu, outputs)!.value.toFixed(1), bleu.printed);
  assert.equal(recompute({ file: "report/computed.json", pointer: "/seed" }, outputs), undefined);
});

test("the LaTeX source is whole, has all numbers, and compiles where LaTeX is", (t) => {
  const latex = readFileSync(inReport("report.tex"), "utf8");
  const bibtex = readFileSync(inReport("references.bib"), "utf8");
  assert.deepEqual(latexProblems(latex, bibtex), []);
  assert.match(latex, /^\\documentclass\[conference\]\{IEEEtran\}/);
  for (const [, path] of latex.matchAll(/\\includegraphics\[[^\]]*\]\{([^}]*)\}/g))
    assert.ok(existsSync(inReport(path!)), path);
  for (const { printed } of readTrace(inReport("numbers.json")).values)
    if (/^[\d.]+$/.test(printed)) assert.ok(latex.includes(printed), printed);
  if (
    spawnSync("pdflatex", ["--version"]).status !== 0 ||
    spawnSync("kpsewhich", ["IEEEtran.cls"]).status !== 0
  )
    return t.diagnostic("pdflatex with IEEEtran is not installed: not compiled");
  const folder = mkdtempSync(join(tmpdir(), "latex-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (program: string, ...rest: string[]) =>
    spawnSync(program, rest, {
      cwd: inReport("."),
      encoding: "latin1",
      env: { ...process.env, openout_any: "a", BIBINPUTS: inReport("."), BSTINPUTS: "" },
    });
  const options = [`-output-directory=${folder}`, "-interaction=nonstopmode", "-halt-on-error", "report.tex"];
  const { status, stdout } = run("pdflatex", ...options);
  assert.equal(status, 0, stdout.slice(-1500));
  assert.ok(existsSync(join(folder, "report.pdf")));
});

test("eval_metrics.csv holds all variants, eval_summary those that the report tells of", () => {
  const rows = Papa.parse<Record<string, string>>(
    readFileSync(join(outputs, "eval_metrics.csv"), "utf8").trim(),
    {
      header: true,
    },
  ).data;
  assert.equal(rows.length, 12);
  assert.deepEqual(
    rows.slice(-2).map(({ run, variant }) => [run, variant]),
    [
      ["A", "model"],
      ["B", "model"],
    ],
  );
  const figure = JSON.stringify(readJson(join(outputs, "eval_summary.json")));
  for (const name of ["LoRA, 2 blocks", "A: model", "content coverage", "ownership", "BLEU"])
    assert.ok(figure.includes(name), name);
  if (browser)
    for (const end of ["png", "svg", "pdf"]) assert.ok(existsSync(join(outputs, `eval_summary.${end}`)));
});

test("hostile text of cases is text in the report's page", async (t) => {
  if (!browser) return t.skip(why);
  const [text, images, scripts] = await inPage<[string, string[], number]>(
    `[document.body.textContent, [...document.images].map((image) => image.src.slice(0, 19)), document.scripts.length]`,
  );
  assert.ok(text.includes(hostile.slice(0, 60)));
  assert.ok(images.every((source) => source === "data:image/svg+xml;"));
  assert.equal(scripts, 0);
});

test("a changed or lost file does not agree with the trace", () => {
  const path = join(outputs, "stage3_summary_A.json");
  const content = readFileSync(path, "utf8");
  try {
    writeFileSync(path, content.replace("}", " }"));
    assert.match(
      checkTrace(inReport("numbers.json"), outputs)[0]!,
      /stage3_summary_A.json.*has changed since/,
    );
    rmSync(path);
    assert.match(checkTrace(inReport("numbers.json"), outputs)[0]!, /no such file/);
  } finally {
    writeFileSync(path, content);
  }
  const numbers = readJson(inReport("numbers.json")) as { values: { printed: string }[] };
  const wrong = join(outputs, "wrong.json");
  numbers.values[0]!.printed = "77";
  writeFileSync(wrong, JSON.stringify(numbers));
  assert.match(checkTrace(wrong, outputs)[0]!, /^n1 \(77\).*the file says/);
  rmSync(wrong);
});

test("the same files give the same report, and a run that is gone is missing in the next one", async () => {
  const reread = (name: string) => readFileSync(inReport(name), "utf8");
  const before = ["report.tex", "numbers.json", "computed.json"].map(reread);
  await writeReport({ outputs });
  assert.deepEqual(["report.tex", "numbers.json", "computed.json"].map(reread), before);

  rmSync(join(outputs, "stage3_summary_A.json"));
  writeFileSync(join(outputs, "stage3_cases_B.jsonl"), "");
  const { trace, warnings } = await writeReport({ outputs });
  assert.match(
    warnings.join("\n"),
    /stage3_summary_B.json: the cases of "model" are not those of its summary/,
  );
  assert.ok(trace.missing.length > 0);
  assert.ok(trace.missing.some(({ reason }) => reason.includes("06-grid-experiment")));
  assert.ok(!trace.values.some(({ file }) => /_[AB]\.json/.test(file)));
  assert.ok(!reread("report.tex").includes("A: model"));
  assert.match(reread("report.html"), /<strong class="missing"[^>]*>missing<\/strong>/);
  const csv = readFileSync(join(outputs, "eval_metrics.csv"), "utf8");
  assert.doesNotMatch(csv, /^A,/m);
});

test("a report that cannot be finished leaves the earlier one, and nothing beside it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "report"));
  writeFileSync(join(folder, "report", "report.html"), "the earlier one");
  let room = 20_000;
  const write = fs.writeSync as (...args: unknown[]) => number;
  const full = t.mock.method(fs, "writeSync", (...args: [number, Uint8Array, number, number]) => {
    if ((room -= args[3]) > 0) return write(...args);
    throw Object.assign(new Error("full"), { code: "ENOSPC", syscall: "write" });
  });
  await assert.rejects(writeReport({ outputs: folder }), /not written, no space is left/);
  full.mock.restore();
  assert.ok(room < 0);
  assert.deepEqual(readdirSync(folder), ["report"]);
  assert.equal(readFileSync(join(folder, "report", "report.html"), "utf8"), "the earlier one");
  await writeReport({ outputs: folder });
  assert.deepEqual(readdirSync(folder), ["report"]);
  assert.doesNotMatch(readFileSync(join(folder, "report", "report.html"), "utf8"), /the earlier one/);
});

test("models of another kind than T5 are not called T5s", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const place = { directory: folder, resamples: 60 };
  const textWith = async (architecture: string) => {
    const base = { base: "outputs/some-model", architecture };
    const variants = [fakeModel("base", 0.2, { ...base, adapter: null }), fakeModel("LoRA", 0.5, base)];
    await evaluateVariants(variants, conversations, place);
    await writeReport({ outputs: folder });
    return readFileSync(join(folder, "report", "report.tex"), "utf8");
  };
  const names = /a T5 model|raffel2020|blocks of its encoder|encoder and decoder/;
  assert.match(await textWith("T5"), names);
  const other = await textWith("Llama");
  assert.match(other, /of the kind .*Llama/);
  assert.doesNotMatch(other, names);
  assert.match(other, /small language model/);
});

test("without a browser there is HTML, LaTeX and the trace, and a warning", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeManifest(folder, "03-baselines");
  const script = resolve(__dirname, "../../scripts/report.ts");
  const run = (...rest: string[]) =>
    spawnSync(process.execPath, ["--require", "tsx/cjs", script, ...rest], {
      encoding: "utf8",
      env: { ...process.env, PERSONA_BROWSER: join(folder, "none") },
    });
  const { status, stdout, stderr } = run("--out", folder);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /there is no PDF.*PERSONA_BROWSER is/s);
  assert.match(stdout, /0 pages/);
  assert.deepEqual(readdirSync(join(folder, "report")).sort(), [
    "computed.json",
    "numbers.json",
    "references.bib",
    "report.html",
    "report.tex",
  ]);
  assert.ok(!existsSync(join(folder, "eval_summary.png")));
  assert.match(readFileSync(join(folder, "report", "report.html"), "utf8"), /there is no summary/);
  assert.match(run("--help").stdout, /Makes the report/);
  const wrong = run("--seed", "x");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /not a whole number/);
});
