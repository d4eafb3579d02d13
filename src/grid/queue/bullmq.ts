/** BullMQ, as far as it is used here: an optional dependency, read when it is wanted, so that the project compiles without it. */
import { z } from "zod";
import { jobSchema } from "../job";
import { type RedisAddress, shownAddress } from "./address";

/** A job as it lies in a queue. */
export interface QueuedJob {
  readonly data: unknown;
  readonly progress: unknown;
  readonly failedReason?: string;
  getState(): Promise<string>;
  remove(): Promise<void>;
  updateProgress(value: object): Promise<void>;
  moveToWait(token?: string): Promise<number>;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
}

export interface NewJob {
  readonly name: string;
  readonly data: SentJob;
  readonly opts: {
    readonly jobId: string;
    readonly attempts: number;
    readonly backoff: { readonly type: "exponential"; readonly delay: number };
    readonly removeOnComplete: { readonly count: number };
  };
}

interface Connected {
  on(event: "error", told: (error: Error) => void): void;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface Queue extends Connected {
  addBulk(jobs: readonly NewJob[]): Promise<unknown>;
  getJob(id: string): Promise<QueuedJob | undefined>;
  getWorkersCount(): Promise<number>;
}

export type Worker = Connected;

/** ioredis, by which BullMQ speaks to Redis. */
interface Redis {
  on(event: "error", told: (error: Error) => void): void;
  connect(): Promise<void>;
  ping(): Promise<string>;
  disconnect(): void;
}

interface BullMq {
  readonly Redis: new (options: object) => Redis;
  readonly Queue: new (name: string, options: object) => Queue;
  readonly Worker: new (
    name: string,
    work: (job: QueuedJob, token: string) => Promise<void>,
    options: object,
  ) => Worker;
  /** Thrown by who has put a job back, now or for later. */
  readonly WaitingError: new () => Error;
  readonly DelayedError: new () => Error;
  /** Fails a job for good. */
  readonly UnrecoverableError: new (why: string) => Error;
}

/** What lies in a queue: a job, and which version of this project is to do it. */
export const sentSchema = z.strictObject({ job: jobSchema, code: z.string() });
export type SentJob = z.infer<typeof sentSchema>;

/** The queue that is meant where none is named. */
export const QUEUE = "persona-jobs";

/**
 * BullMQ and its client of Redis, as the installed packages are.
 *
 * @throws {Error} that says how to install them where they are missing
 */
export function loadBullMq(find: (name: string) => unknown = require): BullMq {
  try {
    const { Redis } = find("ioredis") as Pick<BullMq, "Redis">;
    return { ...(find("bullmq") as Omit<BullMq, "Redis">), Redis };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    throw new Error(
      "jobs go through Redis by BullMQ, which is not installed here (an optional dependency): npm ci --include=optional",
      { cause },
    );
  }
}

/** How BullMQ connects: it waits as long as it takes where a server goes away. */
export function connectionOf({ host, port, db, username, password, tls }: RedisAddress): object {
  return {
    ...{ host, port, db, maxRetriesPerRequest: null },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: { servername: host } }),
  };
}

/** Seconds in which a server answers. */
const ANSWERS_WITHIN = 10;

/**
 * BullMQ, once a Redis at an address has answered.
 *
 * @throws {Error} if BullMQ is not installed; if no Redis answers, or it wants another password: naming the address, and what to do
 */
export async function openBullMq(address: RedisAddress): Promise<BullMq> {
  const bullmq = loadBullMq();
  const redis = new bullmq.Redis({
    ...connectionOf(address),
    ...{ lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null },
    connectTimeout: ANSWERS_WITHIN * 1000,
  });
  let first: Error | undefined;
  redis.on("error", (error) => (first ??= error));
  try {
    await redis.connect();
    await redis.ping();
    return bullmq;
  } catch (error) {
    const { code, message } = (first ?? error) as NodeJS.ErrnoException;
    const where = shownAddress(address);
    if (/^(WRONGPASS|NOAUTH|NOPERM|ERR)/.test(message))
      throw new Error(`${where} does not let us in (${message}): REDIS_URL names user and password`, {
        cause: error,
      });
    throw new Error(
      `there is no Redis at ${where} (${code ?? message}): start one (docs/jobs.md), or name another with --redis or REDIS_URL`,
      { cause: error },
    );
  } finally {
    redis.disconnect();
  }
}

/** Says once that a server is gone, and what else a connection complains of once each. */
export function complaints(say: (line: string) => void, where: string): (error: Error) => void {
  const said = new Set<string>();
  return (error) => {
    const { code, message } = error as NodeJS.ErrnoException;
    const isGone = code !== undefined && /^E[A-Z]+$/.test(code);
    const line = isGone
      ? `${where} does not answer (${code}): waits until it does`
      : `${where}: ${message || error.name}`;
    if (!said.has(line)) say(line);
    said.add(line);
  };
}
