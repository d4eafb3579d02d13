import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { GridDeclaration } from "../../../src/grid/declaration";
import { redisAddress } from "../../../src/grid/queue/address";
import { connectionOf, loadBullMq } from "../../../src/grid/queue/bullmq";
import { projectCode } from "../../../src/grid/queue/code";
import { redisQueue } from "../../../src/grid/queue/send";
import { workOnQueue, type WorkerOptions } from "../../../src/grid/queue/worker";
import { readGrid } from "../../../src/grid/results";
import { runGrid } from "../../../src/grid/run";
import { noRedis, testRedis, type TestRedis } from "./redis-server";

const root = resolve(__dirname, "../../..");
const task = resolve(__dirname, "../toy-task.ts");
const parent = mkdtempSync(join(tmpdir(), "queue-"));
const PASSWORD = "open-sesame-1234";
const skip = noRedis() ?? false;
const limit = { timeout: 120_000, skip };

let redis: TestRedis;
before(async () => {
  if (skip) return;
  redis = await testRedis(PASSWORD);
  process.env["REDIS_URL"] = `redis://:${PASSWORD}@127.0.0.1:${redis.port}`;
});
after(async () => {
  await redis?.kill();
  delete process.env["REDIS_URL"];
  rmSync(parent, { recursive: true });
});

let folders = 0;
/** A folder, and a queue of its own. */
const newPlace = () => ({ directory: join(parent, String(folders)), queue: `queue-${folders++}` });
type Place = ReturnType<typeof newPlace>;

const file = ({ directory }: Place, id: string, name: string) => join(directory, "runs", id, name);
const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const counted = (place: Place, id: string) => read(file(place, id, "counted.txt")).length;
const attempts = (place: Place) => readGrid(place.directory).map(({ id, cost }) => `${id} ${cost.attempts}`);

async function reaches(place: Place, id: string, count: number): Promise<void> {
  while (counted(place, id) < count) await sleep(50);
}

/** Waits until somebody has said something. */
async function says(lines: readonly string[], what: RegExp): Promise<void> {
  while (!what.test(lines.join("\n"))) await sleep(50);
}

/** Sends a grid and waits for it. */
async function send(
  { directory, queue }: Place,
  declaration: GridDeclaration,
  signal?: AbortSignal,
  lines: string[] = [],
) {
  const outcomes = await runGrid(declaration, {
    ...{ directory, task, engine: redisQueue({ redis: redisAddress(), queue }) },
    ...(signal && { signal }),
    say: (line) => lines.push(line),
  });
  return { lines, outcomes: outcomes.map(({ id, outcome }) => `${id} ${outcome}`), all: outcomes };
}

/** Has a worker of this process work until the test ends, or it is stopped. */
function worker(t: TestContext, { queue }: Place, changes: Partial<WorkerOptions> = {}) {
  const stop = new AbortController();
  const lines: string[] = [];
  const ended = workOnQueue({
    ...{ redis: redisAddress(), queue, parallel: 1, deadAfter: 2, signal: stop.signal },
    say: (line) => lines.push(line),
    ...changes,
  });
  const end = async () => {
    stop.abort();
    await ended;
  };
  t.after(() => end().catch(() => {}));
  return { lines, ended, end };
}

/** A worker in a process of its own. */
function workerProcess(t: TestContext, { queue }: Place) {
  const words = ["--require", "tsx/cjs", "scripts/worker.ts", "--queue", queue, "--dead-after", "1"];
  const child = spawn(process.execPath, words, { cwd: root });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => (said += data.toString()));
  t.after(() => child.kill("SIGKILL"));
  return { child, said: () => said, ended: once(child, "close").then(([code]) => code as number | null) };
}

/** What a run left, but for when and how long. */
const bits = ({ directory }: { directory: string }, id: string) => [
  read(join(directory, `stage3_cases_${id}.jsonl`)),
  read(join(directory, `stage3_summary_${id}.json`)).replace(/"(date|seconds)": .*/g, ""),
];

test(
  "workers leave the files that local processes leave; what fails is told, and what is done is not sent",
  limit,
  async (t) => {
    const place = newPlace();
    const runs = { A: {}, B: { fail: "throw" } };
    const lines: string[] = [];
    const sending = send(place, { runs }, undefined, lines);
    await says(lines, /no worker is at work on the queue .*npm run worker/);
    const one = worker(t, place, { parallel: 2 });
    const { outcomes, all } = await sending;
    assert.deepEqual(outcomes, ["A done", "B failed"]);
    assert.equal(all[1]!.reason, "Error: the loss is <NaN>");
    assert.match(
      lines.join("\n"),
      /2 jobs are in the queue queue-0 on redis:\/\/127\.0\.0\.1:\d+\n[^]*A: done after/,
    );
    assert.deepEqual(attempts(place), ["A 1", "B 1"], "a run that fails by itself is not begun again");
    const local = newPlace();
    await runGrid({ runs: { A: {} } }, { directory: local.directory, task, parallel: 1, say: () => {} });
    assert.deepEqual(bits(place, "A"), bits(local, "A"));
    assert.notEqual(bits(place, "A")[0], "");

    assert.deepEqual((await send(place, { runs: { A: {} } })).outcomes, ["A skipped"]);
    for (const line of [...lines, ...one.lines]) assert.ok(!line.includes(PASSWORD), line);
    assert.ok(!read(file(place, "A", "job.json")).includes(PASSWORD));
  },
);

test("a worker is killed in the middle of a run: another one goes on from there", limit, async (t) => {
  const place = newPlace();
  const first = workerProcess(t, place);
  const sending = send(place, { runs: { A: { units: 60, milliseconds: 25 } } });
  await reaches(place, "A", 5);
  first.child.kill("SIGKILL");
  await first.ended;
  const before = counted(place, "A");
  assert.ok(before < 60);
  const second = worker(t, place, { deadAfter: 1 });
  assert.deepEqual((await sending).outcomes, ["A done"]);
  assert.equal(counted(place, "A"), 60, "no unit is lost, none is done twice");
  assert.ok(Number(read(file(place, "A", "resumed-at.txt"))) >= before);
  assert.deepEqual(attempts(place), ["A 2"]);
  assert.match(second.lines.join("\n"), /A: begins\nA: done after/);
  assert.ok(!first.said().includes(PASSWORD));
});

test("a Redis that is killed and comes back with nothing loses no job", limit, async (t) => {
  const place = newPlace();
  const one = worker(t, place);
  const sending = send(place, { runs: { A: { units: 40, milliseconds: 25 }, B: {} } });
  await reaches(place, "A", 5);
  await redis.kill();
  await sleep(200);
  await redis.start();
  const { outcomes, lines } = await sending;
  assert.deepEqual(outcomes, ["A done", "B done"]);
  assert.equal(counted(place, "A"), 40);
  assert.deepEqual(attempts(place), ["A 1", "B 1"], "what was at work went on, and is not done again");
  assert.match(lines.join("\n"), /no longer in the queue .* sent again/);
  await one.end();
});

test("a job that is delivered twice is done once", limit, async (t) => {
  const place = newPlace();
  for (let i = 0; i < 2; i++) worker(t, place);
  const sending = send(place, { runs: { A: { units: 40, milliseconds: 25 } } });
  await reaches(place, "A", 3);
  const { Queue } = loadBullMq();
  const queue = new Queue(place.queue, { connection: connectionOf(redisAddress()) });
  const job = JSON.parse(read(file(place, "A", "job.json"))) as never;
  const opts = { jobId: "twice", attempts: 1, removeOnComplete: { count: 1 } };
  await queue.addBulk([
    {
      name: "A",
      data: { job, code: projectCode() },
      opts: { ...opts, backoff: { type: "exponential", delay: 1 } },
    },
  ]);
  const state = async () => (await queue.getJob("twice"))?.getState();
  while ((await state()) !== "completed") await sleep(50);
  assert.deepEqual((await sending).outcomes, ["A done"]);
  await queue.close();
  assert.equal(counted(place, "A"), 40);
  assert.deepEqual(attempts(place), ["A 1"]);
});

test(
  "a run that a process of another machine is at is left to it, as long as there are signs of that one",
  limit,
  async (t) => {
    const place = newPlace();
    const lock = file(place, "A", "lock.json");
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(lock, JSON.stringify({ pid: 1, host: "elsewhere", since: "this morning" }));
    const one = worker(t, place, { deadAfter: 1 });
    const sending = send(place, { runs: { A: {} } });
    await says(one.lines, /A: left to another: process 1 on elsewhere works on it since this morning/);
    const longAgo = new Date(Date.now() - 301_000);
    utimesSync(lock, longAgo, longAgo);
    assert.deepEqual((await sending).outcomes, ["A done"]);
    assert.deepEqual(attempts(place), ["A 1"]);
  },
);

test(
  "a worker that is stopped hands its run back; one who stops waiting leaves it to the workers",
  limit,
  async (t) => {
    const place = newPlace();
    const runs = { A: { units: 60, milliseconds: 25 } };
    const one = worker(t, place);
    const stop = new AbortController();
    const sending = send(place, { runs }, stop.signal);
    await reaches(place, "A", 3);
    stop.abort();
    const { outcomes, lines } = await sending;
    assert.deepEqual(outcomes, ["A sent"]);
    assert.match(
      lines.join("\n"),
      /1 jobs stay in the queue .*, and workers go on; the same command waits for them/,
    );
    await one.end();
    assert.match(one.lines.join("\n"), /A: saved after .*, and handed back/);
    const before = counted(place, "A");
    assert.ok(before < 60);
    worker(t, place);
    assert.deepEqual((await send(place, { runs })).outcomes, ["A done"]);
    assert.equal(Number(read(file(place, "A", "resumed-at.txt"))), before);
    assert.deepEqual(attempts(place), ["A 2"]);
  },
);

test("a worker that cannot do what is asked says why, hands the job back and ends", limit, async (t) => {
  const place = newPlace();
  const stop = new AbortController();
  const sending = send(place, { runs: { A: {} } }, stop.signal);
  while (!existsSync(file(place, "A", "job.json"))) await sleep(50);
  const job = read(file(place, "A", "job.json"));
  rmSync(place.directory, { recursive: true });
  await assert.rejects(
    worker(t, place).ended,
    /this worker ends, and its job goes back: .* is not the folder of whoever sent A/,
  );
  stop.abort();
  assert.deepEqual((await sending).outcomes, ["A sent"]);

  const { Queue } = loadBullMq();
  const queue = new Queue(place.queue, { connection: connectionOf(redisAddress()) });
  const opts = { jobId: "old", attempts: 1, removeOnComplete: { count: 1 } };
  const data = { job: JSON.parse(job) as never, code: "of last year" };
  const others = newPlace();
  const old = new Queue(others.queue, { connection: connectionOf(redisAddress()) });
  await old.addBulk([{ name: "A", data, opts: { ...opts, backoff: { type: "exponential", delay: 1 } } }]);
  await assert.rejects(worker(t, others).ended, /it has another version of the project than whoever sent it/);
  assert.equal(await (await old.getJob("old"))!.getState(), "waiting");
  await Promise.all([queue.close(), old.close()]);
});

test(
  "a wrong password, and a Redis that is none, are said in a line without the password",
  { ...limit },
  async () => {
    const url = `redis://:wrong-${PASSWORD}@127.0.0.1:${redis.port}`;
    const engine = redisQueue({ redis: redisAddress(undefined, url), queue: "none" });
    const job = { runs: { A: {} } };
    await assert.rejects(
      runGrid(job, { directory: newPlace().directory, task, engine, say: () => {} }),
      (error: Error) =>
        /does not let us in \(WRONGPASS.*REDIS_URL/.test(error.message) && !error.message.includes(PASSWORD),
    );
  },
);
