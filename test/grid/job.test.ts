import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { type Job, jobKey, jobPath, laidJob, layJob, placeOf } from "../../src/grid/job";
import { runProcess } from "../../src/grid/process";
import { holder, readRecord, releaseRun, takeRun } from "../../src/grid/record";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "jobs-"));
after(() => rmSync(folder, { recursive: true }));

const job: Job = {
  ...{ task: "test/grid/toy-task.ts", directory: folder, id: "A", family: "A", profile: "quick" },
  settings: { units: 3, milliseconds: 1, answer: "I like tea.", fail: "", seed: 13 },
  inputs: { corpus: "quick one" },
};

test("a job is known by its content, in whatever order it is written", () => {
  const { settings, ...rest } = job;
  const turned = { settings: Object.fromEntries(Object.entries(settings).reverse()), ...rest } as Job;
  assert.notEqual(JSON.stringify(turned), JSON.stringify(job));
  assert.equal(jobKey(turned), jobKey(job));
  assert.match(jobKey(job), /^[0-9a-f]{64}$/);
  const others: Job[] = [
    { ...job, id: "B" },
    { ...job, profile: "full" },
    { ...job, directory: "outputs" },
    { ...job, settings: { ...settings, seed: 14 } },
    { ...job, settings: { ...settings, seed: "13" } },
    { ...job, inputs: { corpus: "quick two" } },
  ];
  assert.equal(new Set([job, ...others].map(jobKey)).size, 7);
});

test("a path in the project is said as seen from there, any other one as it is", () => {
  assert.equal(jobPath(join(root, "outputs", "mine")), "outputs/mine");
  assert.equal(jobPath(root), ".");
  assert.equal(jobPath(folder), folder);
  assert.equal(jobPath(join(root, "..", "beside")), resolve(root, "..", "beside"));
  for (const path of [join(root, "outputs"), folder]) assert.equal(placeOf(jobPath(path)), path);
});

test("a job that was laid down is found where its folder is shared, and told from another of its name", () => {
  assert.equal(laidJob(job), "missing");
  layJob(job);
  assert.equal(laidJob(job), "laid");
  assert.equal(laidJob({ ...job, inputs: { corpus: "another" } }), "another");
});

test("a run belongs to one process; one that ended, or gives no sign any more, holds nothing", () => {
  const directory = join(folder, "locks");
  const path = join(directory, "runs", "A", "lock.json");
  mkdirSync(join(directory, "runs", "A"), { recursive: true });
  assert.ok(takeRun(directory, "A"));
  assert.equal(holder(directory, "A")?.pid, process.pid);
  assert.ok(!takeRun(directory, "A"), "also for the process itself");
  releaseRun(directory, "A");

  const ago = (seconds: number) => {
    const then = new Date(Date.now() - seconds * 1000);
    utimesSync(path, then, then);
  };
  const since = new Date().toISOString();
  writeFileSync(path, JSON.stringify({ pid: 1, host: `not-${hostname()}`, since }));
  ago(60);
  assert.ok(!takeRun(directory, "A"), "another machine gave a sign a minute ago");
  ago(301);
  assert.ok(takeRun(directory, "A"), "it gave none for five minutes");

  writeFileSync(path, '{"pid": 12');
  assert.ok(!takeRun(directory, "A"), "somebody is writing it");
  ago(6);
  assert.ok(takeRun(directory, "A"), "nobody is any more");
  releaseRun(directory, "A");
  assert.ok(!existsSync(path));
});

test(
  "a run that would have other inputs here is refused; what is done is not done again",
  { timeout: 120_000 },
  async () => {
    const other = await runProcess({ ...job, inputs: { corpus: "quick two" } }, 1, undefined, () => {});
    assert.equal(other.outcome, "failed");
    assert.match(
      other.reason!,
      /other inputs than it was sent with: corpus: "quick two" before, now "quick one"/,
    );
    const both = await Promise.all([1, 2].map(() => runProcess(job, 1, undefined, () => {})));
    assert.ok(both.every(({ outcome }) => outcome === "done" || outcome === "busy"));
    assert.ok(both.some(({ outcome }) => outcome === "done"));
    assert.equal(readFileSync(join(folder, "runs", "A", "counted.txt"), "utf8"), "...");
    assert.equal(readRecord(folder, "A")!.attempts.length, 2, "the refused one and one of the two");
  },
);
