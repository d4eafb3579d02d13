import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Papa from "papaparse";
import { parseConversation } from "../../src/corpus/spc/conversation";
import type { SpcRow } from "../../src/corpus/spc/types";
import { compareVariants, comparisonRows } from "../../src/evaluation/compare";
import { type EvaluatedVariant, evaluateVariants, type Variant } from "../../src/evaluation/evaluate";
import { evaluationPaths, readEvaluation } from "../../src/evaluation/files";
import { setMetrics } from "../../src/evaluation/scores";
import { scoreRows } from "../../src/evaluation/show";
import { corpusBleu } from "../../src/metrics/bleu";
import { rougeL } from "../../src/metrics/rouge";

const texts = [
  'User 1: Hi, I bake bread.\nUser 2: I keep bees, and "sell" the honey.',
  "User 1: My dog is old.\nUser 2: Mine is young, it chews shoes.",
  "User 1: Пишу стихи 🙂\nUser 2: Read me one?",
];
const conversations = texts.map((text, i): SpcRow => ({
  id: `test-${i + 1}`,
  split: "test",
  part: "test",
  row: i + 1,
  fileLine: 1,
  personas: [{ facts: ["I bake bread."] }, { facts: [`I have ${i} bees.`, "I like a, b"] }],
  ...parseConversation(text),
  text,
}));

/** Says `words` of every reference. */
function echo(name: string, words: number): Variant {
  return {
    name,
    settings: { words, decoding: { beams: 1 } },
    generate: (asked) =>
      asked.map(({ text }) => ({
        input: `prompt, "quoted"\n${name}`,
        output: text.split(" ").slice(0, words).join(" "),
      })),
  };
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "evaluation-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a variant becomes a summary row with intervals, cases and a table row, all read back as they were", async (t) => {
  const directory = temporaryFolder(t);
  const [one] = await evaluateVariants([echo("short", 4)], conversations, { directory, resamples: 200 });
  assert.ok(one);
  const outputs = one.cases.map(({ output }) => output);
  assert.equal(one.summary.metrics.bleu.value, corpusBleu(outputs, texts).score);
  const rouge = outputs.map((output, i) => rougeL(output, texts[i]!).fmeasure);
  assert.ok(Math.abs(one.summary.metrics.rougeL.value - rouge.reduce((a, b) => a + b) / 3) < 1e-12);
  for (const name of setMetrics) {
    const { value, low, high } = one.summary.metrics[name];
    assert.ok(low <= value + 1e-9 && value <= high + 1e-9, name);
  }
  assert.deepEqual(
    one.cases.map(({ id, reference }) => [id, reference]),
    conversations.map(({ id, text }) => [id, text]),
  );

  const read = readEvaluation({ directory });
  assert.deepEqual(read.variants, [one.summary]);
  assert.deepEqual(read.cases.get("short"), one.cases);
  const table = Papa.parse<Record<string, string>>(
    readFileSync(evaluationPaths({ directory }).table, "utf8").trim(),
    {
      header: true,
    },
  );
  assert.deepEqual(table.errors, []);
  assert.equal(Number(table.data[0]!.rougeL_low), one.summary.metrics.rougeL.low);
  assert.deepEqual(readdirSync(directory).sort(), [
    "eval_metrics.csv",
    "stage3_cases.jsonl",
    "stage3_summary.json",
  ]);
});

test("a summary says who its variant is, or what is assumed of one that does not say it", async (t) => {
  const directory = temporaryFolder(t);
  const identity = {
    kind: "model",
    family: "tuned",
    seed: 7,
    cut: { length: 9, unit: "tokens" },
    trained: { rank: 4, schedule: "linear" },
  } as const;
  const named = { ...echo("tuned, seed 7", 3), identity: { ...identity } };
  const adapted = (name: string, adapter: string | null) => ({
    ...echo(name, 3),
    settings: { adapter, seed: 5 },
  });
  await evaluateVariants(
    [named, echo("random", 3), adapted("a", null), adapted("b, seed 9", "x")],
    conversations,
    { directory, resamples: 1 },
  );
  const none = { seed: null, cut: null, trained: null };
  assert.deepEqual(
    readEvaluation({ directory }).variants.map(({ identity }) => identity),
    [
      identity,
      { kind: "baseline", family: "random", ...none },
      { kind: "base", family: "a", ...none },
      { kind: "model", family: "b, seed 9", ...none, seed: 5 },
    ],
  );
});

test("a single case has scores, and no interval in brackets", async (t) => {
  const options = { directory: temporaryFolder(t), resamples: 5 };
  const [alone] = await evaluateVariants([echo("a", 3)], conversations.slice(0, 1), options);
  assert.match(scoreRows([alone!.summary], ["rougeL"])[0]!["rougeL"]!, /^0\.\d{3}$/);
});

test("ownership says of how many facts it is", async (t) => {
  const options = { directory: temporaryFolder(t), resamples: 5 };
  const variant = echo("a", 5); // User 1 says: Hi, I bake
  const [some] = await evaluateVariants([variant], conversations, options);
  assert.match(scoreRows([some!.summary], ["ownership"])[0]!["ownership"]!, /^1\.000 \[.*\] of 1$/);
  const [none] = await evaluateVariants([echo("b", 2)], conversations, options);
  assert.equal(scoreRows([none!.summary], ["ownership"])[0]!["ownership"], "of 0");
});

test("what an older version left, without a score that there is now, has to be evaluated again", async (t) => {
  const directory = temporaryFolder(t);
  const options = { directory, resamples: 5 };
  const { cases, summary } = evaluationPaths({ directory });
  for (const [path, entry] of [
    [summary, /"ownership": \{[^}]*\},/g],
    [cases, /"factsSaid":\d+,/g],
  ] as const) {
    await evaluateVariants([echo("a", 3)], conversations, options);
    const written = readFileSync(path, "utf8");
    writeFileSync(path, written.replace(entry, ""));
    assert.notEqual(readFileSync(path, "utf8"), written);
    assert.deepEqual(readEvaluation({ directory }), { variants: [], cases: new Map() });
  }
  await evaluateVariants([echo("b", 3)], conversations, options);
  assert.deepEqual(
    readEvaluation({ directory }).variants.map(({ variant }) => variant),
    ["b"],
  );
});

test("an evaluation without resamples is refused before anything is generated", async (t) => {
  const never = { ...echo("never", 1), generate: () => assert.fail("it was asked") };
  const options = { directory: temporaryFolder(t), resamples: 0 };
  await assert.rejects(evaluateVariants([never], conversations, options), /at least one resample.*not 0/);
});

test("variants accumulate, a repeated one takes its own place, run ids keep runs apart", async (t) => {
  const directory = temporaryFolder(t);
  const options = { directory, resamples: 20 };
  await evaluateVariants([echo("a", 2), echo("b", 3)], conversations, options);
  await evaluateVariants([echo("c", 5)], conversations, options);
  await evaluateVariants([echo("a", 6)], conversations, options);
  await evaluateVariants([echo("a", 6)], conversations, { ...options, runId: "A.1" });
  const { variants, cases } = readEvaluation({ directory });
  assert.deepEqual(
    variants.map(({ variant, settings }) => [variant, settings.words]),
    [
      ["a", 6],
      ["b", 3],
      ["c", 5],
    ],
  );
  assert.ok([...cases.values()].every((list) => list.length === 3));
  assert.equal(readEvaluation({ directory, runId: "A.1" }).variants.length, 1);
  assert.ok(existsSync(join(directory, "stage3_cases_A.1.jsonl")));
  for (const runId of ["../x", "a/b", "", ".."])
    assert.throws(() => evaluationPaths({ directory, runId }), /run id/);
});

test("same seed, same intervals; another seed, others", async (t) => {
  const options = { directory: temporaryFolder(t), resamples: 50 };
  const evaluate = async (seed: number) => {
    const [one] = await evaluateVariants([echo("a", 3)], conversations, { ...options, seed });
    return one!.summary.metrics;
  };
  assert.deepEqual(await evaluate(1), await evaluate(1));
  assert.notDeepEqual((await evaluate(1)).rougeL, (await evaluate(2)).rougeL);
});

test("a run cut off between the two files leaves its variant out, the others in", async (t) => {
  const directory = temporaryFolder(t);
  const paths = evaluationPaths({ directory });
  await evaluateVariants([echo("a", 2), echo("b", 3)], conversations, { directory, resamples: 20 });
  const summary = readFileSync(paths.summary);
  await evaluateVariants([echo("b", 4)], conversations, { directory, resamples: 20 });
  writeFileSync(paths.summary, summary);
  assert.deepEqual([...readEvaluation({ directory }).cases.keys()], ["a"]);
  await evaluateVariants([echo("b", 4)], conversations, { directory, resamples: 20 });
  assert.deepEqual([...readEvaluation({ directory }).cases.keys()], ["a", "b"]);
});

test("a variant that throws leaves what was there", async (t) => {
  const directory = temporaryFolder(t);
  const broken: Variant = {
    name: "broken",
    settings: {},
    generate: () => Promise.reject(new Error("no memory")),
  };
  await assert.rejects(
    evaluateVariants([echo("a", 2), broken], conversations, { directory, resamples: 20 }),
    /no memory/,
  );
  assert.deepEqual([...readEvaluation({ directory }).cases.keys()], ["a"]);
  assert.equal(readdirSync(directory).length, 3);
  const short: Variant = { name: "short", settings: {}, generate: () => [] };
  await assert.rejects(evaluateVariants([short], conversations, { directory }), /short gave 0 answers to 3/);
  await assert.rejects(evaluateVariants([echo("a", 2)], [], { directory }), /at least one dialogue/);
});

test("foreign and damaged files are refused with file, line and field", async (t) => {
  const directory = temporaryFolder(t);
  const paths = evaluationPaths({ directory });
  await evaluateVariants([echo("a", 2)], conversations, { directory, resamples: 20 });
  const cases = readFileSync(paths.cases, "utf8");
  writeFileSync(paths.cases, cases.replace('"id":"test-2"', '"id":7'));
  assert.throws(() => readEvaluation({ directory }), /stage3_cases\.jsonl, line 2: [^]*id/);
  writeFileSync(paths.cases, cases.slice(0, -20));
  assert.throws(() => readEvaluation({ directory }), /stage3_cases\.jsonl, line 3: not valid JSON/);
  writeFileSync(paths.cases, cases);
  writeFileSync(paths.summary, '{"version":2,"variants":[]}');
  assert.throws(() => readEvaluation({ directory }), /stage3_summary\.json: [^]*version/);
});

test("two variants are compared on the same cases only", async (t) => {
  const directory = temporaryFolder(t);
  const options = { directory, resamples: 20 };
  const [a, b] = await evaluateVariants([echo("a", 2), echo("b", 9)], conversations, options);
  const [c] = await evaluateVariants([echo("c", 2)], conversations.slice(1), options);
  for (const metric of ["rougeL", "bleu"] as const) {
    const { difference, pValue } = compareVariants(a!, b!, metric);
    const want = a!.summary.metrics[metric].value - b!.summary.metrics[metric].value;
    assert.ok(Math.abs(difference - want) < 1e-9);
    assert.ok(pValue > 0 && pValue <= 1);
  }
  assert.throws(() => compareVariants(a!, c!, "rougeL"), /a and c were not evaluated on the same cases/);
});

test("several comparisons are judged together", async (t) => {
  const many = Array.from({ length: 12 }, (_, i) => ({ ...conversations[i % 3]!, id: `test-${i}` }));
  const options = { directory: temporaryFolder(t), resamples: 20 };
  const evaluated = await evaluateVariants([echo("a", 2), echo("b", 9), echo("c", 9)], many, options);
  const [a, b, c] = evaluated as [EvaluatedVariant, EvaluatedVariant, EvaluatedVariant];
  const pairs = [[a, b] as const, [b, a] as const, [b, c] as const];
  const rows = comparisonRows(pairs, ["rougeL"], { seed: 1 });
  assert.deepEqual(
    rows.map((row) => [row["a − b"], row.verdict]),
    [
      ["a − b", "a is lower"],
      ["b − a", "a is higher"],
      ["b − c", "no difference shown"],
    ],
  );
  const [first, second, third] = rows.map(({ pValue }) => pValue) as [number, number, number];
  assert.ok(third === 1 && Math.max(first, second) < 0.01);
  const smallest = Math.min(first, second) * 3;
  const next = Math.max(smallest, Math.max(first, second) * 2);
  assert.deepEqual(
    rows.map(({ adjustedPValue }) => adjustedPValue),
    [first <= second ? smallest : next, first <= second ? next : smallest, 1],
  );
  const strict = comparisonRows(pairs, ["rougeL"], { seed: 1, level: 1e-9 });
  assert.ok(strict.every(({ verdict }) => verdict === "no difference shown"));
});
