import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadCorpus } from "../../src/corpus/spc/load";
import { readEvaluation } from "../../src/evaluation/files";
import { loadBase } from "../../src/experiments/base";
import { runMethod } from "../../src/experiments/methods/run";
import { sft } from "../../src/experiments/methods/sft";
import { trainExperiment } from "../../src/experiments/run";
import { writeModelDirectory } from "../../src/models/pretrained/write";
import { embeddedTokenizer } from "../../src/models/tokenizer/find";
import { sailorRows, tinyConfig, writeRows } from "../experiments/methods/tiny-sft";
import { tinySettings } from "../experiments/tiny-experiment";
import { randomT5, TINY } from "../models/tiny";

const folder = mkdtempSync(join(tmpdir(), "evaluate-"));
after(() => {
  delete process.env["PERSONA_MODEL"];
  rmSync(folder, { recursive: true });
});
const model = join(folder, "model");
let adapter: string;

before(async () => {
  writeModelDirectory(model, randomT5({ ...TINY, vocabSize: 8000 }, 5), { tokenizerFrom: embeddedTokenizer });
  process.env["PERSONA_MODEL"] = model;
  const base = await loadBase("quick");
  const corpus = await loadCorpus({ profile: "quick" });
  ({ adapter } = await trainExperiment(tinySettings(), { base, corpus, directory: join(folder, "runs") }));
});

function evaluate(...options: string[]) {
  return spawnSync(process.execPath, ["--require", "tsx/cjs", "scripts/evaluate.ts", ...options], {
    cwd: join(__dirname, "../.."),
    encoding: "utf8",
    env: { ...process.env, PERSONA_OUTPUTS: folder },
  });
}

test("an adapter is evaluated under several ways of generating, beside its base and the bounds", () => {
  const { status, stdout, stderr } = evaluate(
    adapter,
    ...["--run-id", "ways", "--base", "--bounds", "--set", "maxNewTokens=8"],
    ...["--variant", "greedy:", "--variant", "best of 2:doSample=true,candidates=2"],
  );
  assert.equal(status, 0, stderr);
  const { variants } = readEvaluation({ directory: folder, runId: "ways" });
  assert.deepEqual(
    variants.map(({ variant }) => variant),
    [
      "base model",
      "greedy",
      "best of 2",
      "random, first 8 tokens",
      "retrieval, first 8 tokens",
      "reference, first 8 tokens",
    ],
  );
  for (const { variant, cases } of variants) {
    assert.equal(cases, 3);
    assert.ok(stdout.includes(variant), `the table has no row "${variant}"`);
  }
  assert.match(stdout, /Written:\n.*stage3_summary_ways\.json/);
});

test("a way of generating can be chosen by the validation conversations", async () => {
  const { status, stdout, stderr } = evaluate(
    adapter,
    ...["--split", "valid", "--run-id", "valid", "--set", "maxNewTokens=8", "--set", "nTest=2"],
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /2 valid conversations/);
  const { splits } = await loadCorpus({ profile: "quick" });
  const { id } = splits.valid[0]!;
  const [first] = readFileSync(join(folder, "stage3_cases_valid.jsonl"), "utf8").split("\n");
  assert.equal((JSON.parse(first!) as { id: string }).id, id);
});

test("what npm run train left answers rows of a file, compared with its base case by case", async () => {
  const keeper = join(folder, "keeper");
  await runMethod(sft, tinyConfig(join(folder, "own"), { maxSteps: 30, output: keeper }));
  const data = writeRows(join(folder, "held-out.jsonl"), sailorRows(18).slice(14));
  const rows = ["--data", data, "--run-id", "rows", "--set", "maxNewTokens=6"];
  const { status, stdout, stderr } = evaluate(keeper, ...rows, "--base", "--variant", "greedy:");
  assert.equal(status, 0, stderr);
  const { variants } = readEvaluation({ directory: folder, runId: "rows" });
  assert.deepEqual(
    variants.map(({ variant, cases }) => [variant, cases]),
    [
      ["base model", 4],
      ["greedy", 4],
    ],
  );
  assert.match(stdout, /4 rows of .*held-out\.jsonl, with 95 % intervals/);
  assert.doesNotMatch(stdout, /personaCoverage/, "nobody knows who speaks");
  assert.match(stdout, /greedy − base model +bitsPerByte +-\d+\.\d{3} \[-\d/);
  const asJob = ["--variant", "greedy:", "--set", "maxNewTokens=6", "--run-id", "jobs", "--parallel", "1"];
  const jobs = evaluate(keeper, "--data", data, ...asJob);
  assert.equal(jobs.status, 0, jobs.stderr);
  assert.match(jobs.stdout, /jobs-greedy-\w+: done after/);
  const greedy = (runId: string) => {
    const found = readEvaluation({ directory: folder, runId });
    const { date: _, seconds: __, ...summary } = found.variants.find(({ variant }) => variant === "greedy")!;
    return { summary, cases: found.cases.get("greedy") };
  };
  assert.deepEqual(greedy("jobs"), greedy("rows"), "the same bits, whoever evaluates");
  const refused = (said: RegExp, ...options: string[]) => {
    const { status, stderr } = evaluate(...options);
    assert.equal(status, 1);
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /\n\s+at /);
  };
  refused(/--data: name the JSONL file/, keeper);
  refused(/--bounds: is for conversations of the corpus/, keeper, "--data", data, "--bounds");
  refused(/beams/, keeper, "--data", data, "--set", "beams=2");
  refused(/--data: .* was trained on conversations of the corpus/, adapter, "--data", data);
});

test("what cannot be evaluated is refused in a sentence", () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  const noAdapter = evaluate(empty);
  assert.equal(noAdapter.status, 1);
  assert.match(noAdapter.stderr, /empty: no settings\.json/);
  assert.doesNotMatch(noAdapter.stderr, /\n\s+at /);
  const file = join(folder, "file");
  writeFileSync(file, "");
  const noFolder = evaluate(empty, "--out", join(file, "out")); // said before anything is read
  assert.equal(noFolder.status, 1);
  assert.match(noFolder.stderr, /^[^\n]*file[^\n]*: not written, a file is where a folder must be[^\n]*\n$/);
  assert.match(evaluate(adapter, "--variant", "greedy").stderr, /not of the form NAME:setting=value/);
  assert.match(evaluate(adapter, "--set", "beams=4").stderr, /beams/);
});
