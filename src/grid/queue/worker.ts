import { formatDuration } from "../../display";
import { defaultThreads } from "../../engine";
import { jobPath, laidJob, placeOf } from "../job";
import { runProcess } from "../process";
import { damagedFiles, differences, readRecord } from "../record";
import { shownAddress } from "./address";
import { complaints, connectionOf, openBullMq, QUEUE, type QueuedJob, sentSchema } from "./bullmq";
import { projectCode } from "./code";
import type { QueueOptions } from "./send";

export interface WorkerOptions extends QueueOptions {
  /** Jobs at a time; they share the cores. */
  readonly parallel: number;
  /** Seconds without a sign after which a worker counts as dead, and its jobs are another's. */
  readonly deadAfter: number;
  /** Ends the worker after so many seconds without a job. */
  readonly idle?: number;
  /** Aborting it has the jobs at work save and hands them back, and ends the worker. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** So many workers may die of a job before it counts as failed. */
const MOST_DEATHS = 10;
/** Milliseconds between two words to Redis of how far a job is. */
const TELL_EVERY = 1_000;

/**
 * Does jobs of a queue, each in a process of its own, until it is told to end. A job whose files are there is not done again; one that
 * another process is at is left to it; a job at which a worker died goes on from what that one saved.
 *
 * @throws {Error} if BullMQ is not installed, no Redis answers, or this machine cannot do what is asked: it has another version of the
 *   project, or not the folder of the runs. The job is handed back then
 */
export async function workOnQueue(options: WorkerOptions): Promise<void> {
  const { redis, queue: name = QUEUE, parallel, deadAfter, signal, say } = options;
  const bullmq = await openBullMq(redis);
  const threads = Math.max(1, Math.floor(defaultThreads() / parallel));
  const ending = new AbortController();
  let problem: Error | undefined;
  let running = 0;
  let lastJob = performance.now();

  const worker = new bullmq.Worker(name, work, {
    ...{ connection: connectionOf(redis), concurrency: parallel, maxStalledCount: MOST_DEATHS },
    ...{ lockDuration: deadAfter * 1000, stalledInterval: deadAfter * 1000 },
  });
  worker.on("error", complaints(say, `queue ${name} on ${shownAddress(redis)}`));
  signal.addEventListener("abort", () => ending.abort(), { once: true });
  if (signal.aborted) ending.abort();
  say(`works on queue ${name} on ${shownAddress(redis)}, ${parallel} at a time, ${threads} threads each`);
  const { idle } = options;
  const clock = setInterval(() => {
    if (idle === undefined || running > 0 || performance.now() - lastJob < idle * 1000) return;
    say(`no job for ${formatDuration(idle)}: ends`);
    ending.abort();
  }, 500);
  if (!ending.signal.aborted)
    await new Promise((resolve) => ending.signal.addEventListener("abort", resolve, { once: true }));
  clearInterval(clock);
  await worker.close();
  if (problem) throw problem;

  async function work(queued: QueuedJob, token: string): Promise<void> {
    running++;
    try {
      await workOn(queued, token);
    } finally {
      running--;
      lastJob = performance.now();
    }
  }

  async function workOn(queued: QueuedJob, token: string): Promise<void> {
    const handBack = async (): Promise<never> => {
      await queued.moveToWait(token);
      throw new bullmq.WaitingError();
    };
    const cannot = (why: string): Promise<never> => {
      problem ??= new Error(`this worker ends, and its job goes back: ${why}`);
      ending.abort();
      return handBack();
    };
    const fail = (why: string): never => {
      throw new bullmq.UnrecoverableError(why);
    };
    if (ending.signal.aborted) return handBack();
    const sent = sentSchema.safeParse(queued.data);
    if (!sent.success) return fail("it is no job of this version of the project");
    const { job, code } = sent.data;
    const { id } = job;
    if (code !== projectCode()) return cannot("it has another version of the project than whoever sent it");
    if (jobPath(placeOf(job.task)) !== job.task || job.task.startsWith("/"))
      return fail(`${job.task}: a task is a module of the project`);
    const laid = laidJob(job);
    if (laid === "missing")
      return cannot(
        `${job.directory} is not the folder of whoever sent ${id}: it must be shared with this machine`,
      );
    if (laid === "another") return fail("meanwhile another job of this name was sent");
    const directory = placeOf(job.directory);
    const record = readRecord(directory, id);
    const others = record ? differences(record, job) : [];
    if (others.length > 0) return fail(`a run of this name is there with ${others.join("; ")}`);
    if ((await damagedFiles(directory, id))?.length === 0) return say(`${id}: it was done before`);

    say(`${id}: begins`);
    const began = performance.now();
    let told = 0;
    const outcome = await runProcess(job, threads, ending.signal, (done, note) => {
      if (performance.now() - told < TELL_EVERY) return;
      told = performance.now();
      queued.updateProgress({ done, ...(note !== undefined && { note }) }).catch(() => {}); // no word is no harm
    });
    const why = outcome.reason === undefined ? "" : `: ${outcome.reason}`;
    const took = formatDuration((performance.now() - began) / 1000);
    if (outcome.outcome === "done") return say(`${id}: done after ${took}`);
    if (outcome.outcome === "failed") {
      say(`${id}: failed after ${took}${why}`);
      if (outcome.killed) throw new Error(outcome.reason); // begun again, some times
      return fail(outcome.reason ?? "it failed");
    }
    if (outcome.outcome === "busy") {
      say(`${id}: left to another${why}`);
      await queued.moveToDelayed(Date.now() + (deadAfter * 1000) / 3, token);
      throw new bullmq.DelayedError();
    }
    say(`${id}: saved after ${took}, and handed back`);
    return handBack();
  }
}
