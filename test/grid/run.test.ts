import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { GridDeclaration } from "../../src/grid/declaration";
import { readRecord } from "../../src/grid/record";
import { readGrid } from "../../src/grid/results";
import { type GridOptions, runGrid } from "../../src/grid/run";

const root = resolve(__dirname, "../..");
const task = join(__dirname, "toy-task.ts");
const parent = mkdtempSync(join(tmpdir(), "grid-"));
after(() => rmSync(parent, { recursive: true }));

let folders = 0;
const newFolder = () => join(parent, String(folders++));
const limit = { timeout: 120_000 };

async function run(declaration: GridDeclaration, directory: string, options: Partial<GridOptions> = {}) {
  const lines: string[] = [];
  const outcomes = await runGrid(declaration, {
    directory,
    task,
    parallel: 1,
    say: (line) => lines.push(line),
    ...options,
  });
  return {
    lines,
    outcomes: outcomes.map(({ id, outcome }) => `${id} ${outcome}`),
    reasons: outcomes.map(({ reason }) => reason),
  };
}

const file = (directory: string, id: string, name: string) => join(directory, "runs", id, name);
const counted = (directory: string, id: string) => {
  const path = file(directory, id, "counted.txt");
  return existsSync(path) ? readFileSync(path, "utf8").length : 0;
};
const resumedAt = (directory: string, id: string) =>
  Number(readFileSync(file(directory, id, "resumed-at.txt"), "utf8"));
const holderOf = (directory: string, id: string) =>
  (JSON.parse(readFileSync(file(directory, id, "lock.json"), "utf8")) as { pid: number }).pid;

/** Waits until a run has counted so far; a run that ends before fails the test. */
async function reaches(directory: string, id: string, count: number): Promise<void> {
  while (counted(directory, id) < count) await sleep(10);
}

/** The command line in a process of its own. */
function command(
  directory: string,
  ...args: string[]
): { child: ChildProcess; ended: Promise<{ code: number; out: string; err: string }> } {
  const child = spawn(
    process.execPath,
    ["--require", "tsx/cjs", "scripts/grid.ts", "--out", directory, "--task", task, ...args],
    {
      cwd: root,
    },
  );
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  return { child, ended: once(child, "close").then(([code]) => ({ code: code as number, out, err })) };
}

function declare(declaration: unknown): string {
  const path = join(parent, `declared-${folders++}.json`);
  writeFileSync(path, JSON.stringify(declaration));
  return path;
}

const slow = { milliseconds: 25, units: 200 };

test(
  "runs leave their scores, cost and record; a failed one is reported, and the others go on",
  limit,
  async () => {
    const directory = newFolder();
    const runs = { A: {}, B: { fail: "throw" }, C: { fail: "crash" }, D: { answer: "I have a dog." } };
    const { outcomes, reasons, lines } = await run({ runs }, directory);
    assert.deepEqual(outcomes, ["A done", "B failed", "C failed", "D done"]);
    assert.equal(reasons[1], "Error: the loss is <NaN>");
    assert.match(
      reasons[2]!,
      /^the process ended without a result \(killed by SIGKILL\); .*output\.log has its last words$/,
    );
    assert.match(lines[1]!, /^B: failed after .*: Error: the loss is <NaN>$/);
    for (const id of ["A", "D"])
      for (const name of [`stage3_summary_${id}.json`, `stage3_cases_${id}.jsonl`])
        assert.ok(existsSync(join(directory, name)));

    const found = readGrid(directory);
    assert.deepEqual(
      found.map(({ id, status, counts }) => [id, status, counts]),
      [
        ["A", "done", { units: 5 }],
        ["B", "failed", {}],
        ["C", "failed", {}],
        ["D", "done", { units: 5 }],
      ],
    );
    assert.match(found[1]!.error!, /the loss is <NaN>\nat step 2/);
    assert.match(readFileSync(file(directory, "B", "output.log"), "utf8"), /toy-task/);
    assert.equal(found[3]!.evaluated[0]!.cases[0]!.output, "I have a dog.");
    const { cost } = found[0]!;
    assert.equal(cost.attempts, 1);
    assert.deepEqual(Object.keys(cost.seconds).sort(), ["evaluating", "starting", "training"]);
    assert.ok(cost.seconds["training"]! >= 0.025, "five units of 5 ms");
    assert.ok(cost.peakMemoryBytes > 2e7);

    const again = await run({ runs }, directory);
    assert.deepEqual(again.outcomes, ["A skipped", "B failed", "C failed", "D skipped"]);
    assert.equal(readGrid(directory)[1]!.cost.attempts, 2);
  },
);

test(
  "a run that was killed goes on from where it was; the others were not kept from running",
  limit,
  async () => {
    const directory = newFolder();
    const declaration = { runs: { A: { ...slow, units: 40 }, B: {} } };
    const first = run(declaration, directory);
    await reaches(directory, "A", 5);
    process.kill(holderOf(directory, "A"), "SIGKILL");
    assert.deepEqual((await first).outcomes, ["A failed", "B done"]);
    const before = counted(directory, "A");
    assert.ok(before < 40);
    assert.deepEqual((await run(declaration, directory)).outcomes, ["A done", "B skipped"]);
    assert.equal(resumedAt(directory, "A"), before);
    assert.equal(counted(directory, "A"), 40);
    const [a] = readGrid(directory);
    assert.deepEqual([a!.status, a!.cost.attempts, a!.error], ["done", 2, undefined]);
  },
);

test("if everything is killed, the runs notice, and a later grid takes them up", limit, async () => {
  const directory = newFolder();
  const declaration = { runs: { A: slow } };
  const { child, ended } = command(directory, declare(declaration));
  await reaches(directory, "A", 3);
  const lock = readFileSync(file(directory, "A", "lock.json"));
  child.kill("SIGKILL");
  await ended;
  while (existsSync(file(directory, "A", "lock.json"))) await sleep(10);
  assert.equal(readGrid(directory)[0]!.status, "interrupted");

  // The machine went down: a record that says "running", and a lock of a process that there is no more.
  const path = file(directory, "A", "run.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...record, status: "running" }));
  writeFileSync(file(directory, "A", "lock.json"), lock);
  while (readGrid(directory)[0]!.status === "running") await sleep(10); // the process itself ends a moment later
  assert.equal(readGrid(directory)[0]!.status, "cut");
  const before = counted(directory, "A");
  assert.deepEqual((await run(declaration, directory)).outcomes, ["A done"]);
  assert.equal(resumedAt(directory, "A"), before);
});

test("Ctrl-C lets runs save, starts no more, and the same command goes on", limit, async () => {
  const directory = newFolder();
  const path = declare({ runs: { A: slow, B: {} } });
  const { child, ended } = command(directory, path);
  await reaches(directory, "A", 3);
  child.kill("SIGINT");
  const { code, out, err } = await ended;
  assert.equal(code, 130);
  assert.match(err, /Stopping: the runs in progress save/);
  assert.match(out, /A: interrupted after/);
  assert.match(out, /A +interrupted/);
  const before = counted(directory, "A");
  assert.ok(before < slow.units);
  assert.ok(!existsSync(file(directory, "B", "run.json")));
  const second = await command(
    directory,
    path,
    "--metrics",
    "rougeL,jaccard",
    "--heatmaps",
    "units,milliseconds",
  ).ended;
  assert.equal(second.code, 0, second.err);
  assert.equal(resumedAt(directory, "A"), before);
  assert.match(second.out, /Runs in[\s\S]*rougeL[\s\S]*B +done[\s\S]*What they cost[\s\S]*A +done +2/);
  assert.match(readFileSync(join(directory, "grid", "runs.csv"), "utf8"), /^run,status,.*\nA,done,2/);
  const heatmap = JSON.parse(readFileSync(join(directory, "grid", "jaccard.json"), "utf8")) as {
    data: { x: string[] }[];
  };
  assert.deepEqual(heatmap.data[0]!.x, ["5", "200"]);
});

test(
  "other settings, or another corpus, under the same RUN_ID are refused, or repeated when that is wanted",
  limit,
  async () => {
    const directory = newFolder();
    await run({ runs: { A: {}, B: {} } }, directory);
    const changed = { runs: { A: { units: 7 }, B: {}, C: {} } };
    await assert.rejects(
      run(changed, directory),
      /A: units: 5 before, now 7\nGive the grid another name or folder/,
    );
    assert.ok(!existsSync(file(directory, "C", "run.json")), "nothing was started");
    assert.deepEqual((await run(changed, directory, { changed: "rerun" })).outcomes, [
      "A done",
      "B skipped",
      "C done",
    ]);
    assert.equal(resumedAt(directory, "A"), 0);
    assert.equal(counted(directory, "A"), 7);

    process.env["TOY_CORPUS"] = "two";
    try {
      await assert.rejects(run(changed, directory), /A: corpus: "quick one" before, now "quick two"/);
    } finally {
      delete process.env["TOY_CORPUS"];
    }
  },
);

test("a run whose files are damaged or gone is not taken for done", limit, async () => {
  const directory = newFolder();
  const declaration = { runs: { A: {}, B: {} } };
  await run(declaration, directory);
  appendFileSync(join(directory, "stage3_cases_A.jsonl"), "{");
  rmSync(join(directory, "stage3_summary_B.json"));
  assert.deepEqual((await run(declaration, directory)).outcomes, ["A done", "B done"]);
  assert.deepEqual((await run(declaration, directory)).outcomes, ["A skipped", "B skipped"]);
});

test(
  "a run that another process works on is left to it; runs go side by side where that is wanted",
  limit,
  async () => {
    const directory = newFolder();
    const declaration = { runs: { A: slow, B: { ...slow, units: 60 } } };
    const first = run(declaration, directory, { parallel: 2 });
    await Promise.all([reaches(directory, "A", 1), reaches(directory, "B", 1)]);
    const second = await run({ runs: { A: slow } }, directory);
    assert.deepEqual(second.outcomes, ["A busy"]);
    assert.match(
      second.reasons[0]!,
      /^process \d+ on .* works on it since .*; if that is something else, delete .*lock\.json$/,
    );
    assert.deepEqual((await first).outcomes, ["A done", "B done"]);
    assert.equal(counted(directory, "A"), slow.units);
    const log = readFileSync(file(directory, "A", "output.log"), "utf8");
    assert.equal(log, "", log);
  },
);

test("whatever a run computes has its share of the threads, evaluation included", limit, async (t) => {
  process.env["PERSONA_THREADS"] = "7";
  t.after(() => delete process.env["PERSONA_THREADS"]);
  const threads = (directory: string, id: string) => readFileSync(file(directory, id, "threads.txt"), "utf8");
  const directory = newFolder();
  await run({ runs: { A: {}, B: {}, C: {} } }, directory, { parallel: 3 });
  assert.deepEqual(
    ["A", "B", "C"].map((id) => threads(directory, id)),
    ["2", "2", "2"],
  );
  assert.equal(process.env["DEVICE"], undefined);
  const device = (id: string) => readRecord(directory, id)?.attempts.at(-1)?.device;
  assert.equal(device("A"), "cpu");
  await run({ device: "tfjs-cpu", runs: { D: {} } }, directory);
  assert.equal(device("D"), "tfjs-cpu");
  await run({ runs: { A: {}, D: {} } }, directory, { parallel: 3 });
  assert.equal(threads(directory, "D"), "7", "the only run that is left");
});

test("settings and options that there are not are refused before anything runs", limit, async () => {
  const directory = newFolder();
  await assert.rejects(
    run({ runs: { A: {}, B: { steps: 3 } } }, directory),
    /^Error: run B: there is no setting steps$/,
  );
  await assert.rejects(run({ runs: { A: {} } }, directory, { parallel: 0 }), /whole number from 1, not 0/);
  assert.ok(!existsSync(directory));
  const cases: [string[], RegExp][] = [
    [["--help"], /^$/],
    [["nowhere.json"], /nowhere\.json: no such file/],
    [[declare(null)], /\.json is not declared well/],
    [[declare({ base: 5, axes: { k: [3] } })], /\.json is not declared well:[^]*at base/],
    [[declare({ runs: { A: { k: 3 } } }), "--set", "k=4"], /--set k: the grid itself varies k/],
    [["--set", "k"], /not of the form NAME=VALUE/],
    [["--metrics", "rougeX"], /There is no metric "rougeX", but bleu/],
    [["--parallel", "none"], /not a whole number from 1/],
  ];
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { code, out, err } = await command(directory, ...args).ended;
      assert.equal(code === 0, args[0] === "--help", err);
      assert.match(err, message);
      if (code === 0) assert.match(out, /Examples:[\s\S]*npm run grid/);
    }),
  );
});
