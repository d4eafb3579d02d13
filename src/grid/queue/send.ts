import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "../../io";
import type { JobEngine, JobReport } from "../engine";
import { type Job, jobKey, layJob, placeOf } from "../job";
import { damagedFiles } from "../record";
import { type RedisAddress, shownAddress } from "./address";
import {
  complaints,
  connectionOf,
  type NewJob,
  openBullMq,
  type Queue,
  QUEUE,
  type QueuedJob,
} from "./bullmq";
import { projectCode } from "./code";

export interface QueueOptions {
  readonly redis: RedisAddress;
  /** The queue's name. */
  readonly queue?: string;
}

/** How often a job is begun whose process was killed, and the milliseconds before it is begun again, doubled each time. */
const ATTEMPTS = 3;
const AGAIN_AFTER = 2_000;
/** Finished jobs that the queue remembers. */
const REMEMBERED = 10_000;
/** Requests to Redis on their way at a time. */
const AT_ONCE = 200;
/** Milliseconds between two looks at all jobs: at least, and for each of them. */
const LOOK_EVERY = 1_000;
const LOOK_EACH = 5;
/** Seconds that a folder on a network takes to show what another machine has written. */
const SEEN_WITHIN = 20;

/**
 * Jobs in a queue on Redis, done by `npm run worker` on whatever machines share the folder of the runs. The queue only says whose turn
 * it is: what is done is seen in the files, and what a Redis forgot is sent again.
 *
 * @throws {Error} if BullMQ is not installed, or no Redis answers
 */
export function redisQueue({ redis, queue: name = QUEUE }: QueueOptions): JobEngine {
  return {
    async run(jobs, report) {
      if (jobs.length === 0) return;
      const { Queue } = await openBullMq(redis);
      const queue = new Queue(name, { connection: connectionOf(redis) });
      const where = `queue ${name} on ${shownAddress(redis)}`;
      queue.on("error", complaints(report.say, where));
      try {
        await new Watch(queue, where, jobs, report).run();
      } finally {
        await Promise.race([queue.close(), sleep(2_000, undefined, { ref: false })]);
      }
    },
  };
}

/** A job that has been sent and has not ended. */
interface Open {
  readonly job: Job;
  readonly sent: number;
  /** Since when a worker says that it is done while its files are not here. */
  missing?: number;
}

class Watch {
  private readonly open: Map<string, Open>;
  private readonly code = projectCode();
  private hadWorkers = true;

  constructor(
    private readonly queue: Queue,
    private readonly where: string,
    jobs: readonly Job[],
    private readonly report: JobReport,
  ) {
    const sent = performance.now();
    this.open = new Map(jobs.map((job) => [jobKey(job), { job, sent }]));
  }

  async run(): Promise<void> {
    const { signal, say } = this.report;
    const stopped = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
    const watched = this.watch();
    await Promise.race([watched, stopped]);
    if (!signal?.aborted) return watched;
    watched.catch(() => {}); // its connection is closed under it
    if (this.open.size > 0)
      say(
        `${this.open.size} jobs stay in the ${this.where}, and workers go on; the same command waits for them again`,
      );
    for (const { job, sent } of this.open.values())
      this.report.onEnd(job, { id: job.id, outcome: "sent" }, (performance.now() - sent) / 1000);
    this.open.clear();
  }

  private async watch(): Promise<void> {
    const { say, signal } = this.report;
    await this.queue.waitUntilReady();
    await this.each(async (key, { job }) => {
      makeFolder(placeOf(job.directory));
      layJob(job);
      // One that ended earlier and left nothing would keep this one out.
      const old = await this.queue.getJob(key);
      if (old && ["completed", "failed"].includes(await old.getState())) await old.remove();
    });
    await this.send([...this.open.keys()]);
    say(`${this.open.size} jobs are in the ${this.where}`);
    while (this.open.size > 0 && !signal?.aborted) {
      await this.lookForWorkers();
      const lost: string[] = [];
      await this.each(async (key, open) => {
        if (await this.isLost(key, open)) lost.push(key);
      });
      if (lost.length > 0) {
        say(`${lost.length} jobs are no longer in the ${this.where} and not done: they are sent again`);
        await this.send(lost);
      }
      if (this.open.size > 0)
        await sleep(Math.max(LOOK_EVERY, LOOK_EACH * this.open.size), undefined, { signal }).catch(() => {});
    }
  }

  /** Does something for every open job, some of them at a time. */
  private async each(act: (key: string, open: Open) => Promise<void>): Promise<void> {
    const all = [...this.open];
    for (let from = 0; from < all.length; from += AT_ONCE)
      await Promise.all(all.slice(from, from + AT_ONCE).map(([key, open]) => act(key, open)));
  }

  private async send(keys: readonly string[]): Promise<void> {
    const { code } = this;
    for (let from = 0; from < keys.length; from += AT_ONCE)
      await this.queue.addBulk(
        keys.slice(from, from + AT_ONCE).map((key): NewJob => {
          const { job } = this.open.get(key)!;
          const opts = {
            ...{ jobId: key, attempts: ATTEMPTS, removeOnComplete: { count: REMEMBERED } },
            backoff: { type: "exponential", delay: AGAIN_AFTER } as const,
          };
          return { name: job.id, data: { job, code }, opts };
        }),
      );
  }

  private async lookForWorkers(): Promise<void> {
    const has = (await this.queue.getWorkersCount()) > 0;
    if (!has && this.hadWorkers)
      this.report.say(`no worker is at work on the ${this.where}: start some with npm run worker`);
    this.hadWorkers = has;
  }

  /** Notes how a job stands; true if the queue knows nothing of it and it is not done. */
  private async isLost(key: string, open: Open): Promise<boolean> {
    const { job } = open;
    const found = await this.queue.getJob(key);
    const state = found ? await found.getState() : "unknown";
    if (state === "active") this.progress(job, found!);
    if (!["completed", "failed", "unknown"].includes(state)) return false;
    if ((await damagedFiles(placeOf(job.directory), job.id))?.length === 0) {
      this.end(key, { id: job.id, outcome: "done" });
    } else if (state === "failed") {
      this.end(key, { id: job.id, outcome: "failed", reason: found!.failedReason ?? "" });
    } else if (state === "completed") {
      open.missing ??= performance.now();
      if (performance.now() - open.missing < SEEN_WITHIN * 1000) return false;
      const reason = `a worker says that it is done, but its files are not in ${job.directory}: is that folder shared with the workers?`;
      this.end(key, { id: job.id, outcome: "failed", reason });
    } else return true;
    await found?.remove().catch(() => {}); // another one who waits for it has done so
    return false;
  }

  private progress(job: Job, { progress }: QueuedJob): void {
    if (typeof progress !== "object" || progress === null || !("done" in progress)) return;
    const { done, note } = progress as { done: unknown; note?: unknown };
    if (typeof done === "number")
      this.report.onProgress(job, done, typeof note === "string" ? note : undefined);
  }

  private end(key: string, outcome: Parameters<JobReport["onEnd"]>[1]): void {
    const open = this.open.get(key);
    if (!open) return; // nobody waits any more
    const { job, sent } = open;
    this.open.delete(key);
    this.report.onEnd(job, outcome, (performance.now() - sent) / 1000);
  }
}
