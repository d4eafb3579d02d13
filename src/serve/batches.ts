import { beginningWith, type ChatPrompt } from "../chat";
import type { Decoder, GenerativeModel } from "../models";
import { padBatch } from "../models/tokenizer";

/** Something to generate: what to go on from, and who chooses each token. */
export interface Job {
  readonly prompt: Pick<ChatPrompt, "input" | "begun">;
  readonly maxNewTokens: number;
  /** The adapter that it wants; jobs of one batch want the same. */
  readonly adapter?: string;
  /** Given up once it aborts. */
  readonly signal: AbortSignal;
  /**
   * Takes the next token's logits, [vocabulary], and returns the token to go on with; undefined ends the job. What it throws
   * ends it too, and is thrown by `run`.
   */
  next(logits: Float32Array): number | undefined;
}

export interface BatchesOptions {
  /**
   * The most jobs of a batch.
   * @default 8
   */
  readonly rows?: number;
  /**
   * The most batches that take turns.
   * @default 4
   */
  readonly batches?: number;
  /**
   * The most jobs that wait for a batch.
   * @default 64
   */
  readonly waiting?: number;
  /** Tells the model to compute with an adapter, or without one, before a step of a batch that wants it. */
  readonly use?: (adapter: string | undefined) => void;
}

/** More jobs wait than may. */
export class QueueFull extends Error {
  constructor(waiting: number) {
    super(`${waiting} requests wait already`);
  }
}

interface Entry {
  readonly job: Job;
  readonly ended: (error?: Error) => void;
  hasEnded: boolean;
  last: number;
  left: number;
}

/** Jobs of one kind can be in one batch. An encoder–decoder's answers go on from what was said, which must be the same. */
const kindOf = ({ adapter, prompt }: Job) => JSON.stringify([adapter, prompt.begun]);

interface Batch {
  readonly decoder: Decoder;
  readonly adapter: string | undefined;
  entries: Entry[];
}

/**
 * Answers many jobs with one model. Those that wait are begun together, as a batch, without waiting for earlier batches to end:
 * batches take turns, a step each. A job leaves its batch when it ends or nobody waits for it any more. What a job is answered
 * depends on its own prompt and choices alone, within rounding.
 */
export class Batches {
  private readonly waiting: Entry[] = [];
  private running: Batch[] = [];
  private isTurning = false;
  private readonly rows: number;
  private readonly most: number;
  private readonly mostWaiting: number;

  constructor(
    private readonly model: GenerativeModel,
    private readonly options: BatchesOptions = {},
  ) {
    ({ rows: this.rows = 8, batches: this.most = 4, waiting: this.mostWaiting = 64 } = options);
  }

  /** Jobs that wait, and those that are being answered. */
  get load(): { waiting: number; running: number } {
    const running = this.running.reduce((sum, { entries }) => sum + entries.length, 0);
    return { waiting: this.waiting.length, running };
  }

  /**
   * Runs a job to its end, or until nobody waits for it.
   *
   * @throws {QueueFull} if too many wait
   */
  run(job: Job): Promise<void> {
    if (this.waiting.length >= this.mostWaiting) return Promise.reject(new QueueFull(this.waiting.length));
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        job,
        hasEnded: false,
        last: 0,
        left: job.maxNewTokens,
        ended: (error) => {
          entry.hasEnded = true;
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.waiting.push(entry);
      if (!this.isTurning) void this.turn();
    });
  }

  /** Steps of all batches until nothing is left to do. Requests that come within one turn of the event loop begin together. */
  private async turn(): Promise<void> {
    this.isTurning = true;
    while (this.waiting.length > 0 || this.running.length > 0) {
      await new Promise(setImmediate);
      await this.begin();
      for (const batch of this.running) await this.step(batch);
      this.running = this.running.filter(({ entries }) => entries.length > 0);
    }
    this.isTurning = false;
  }

  private async begin(): Promise<void> {
    this.waiting.filter(({ job }) => job.signal.aborted).forEach(({ ended }) => ended());
    this.waiting.splice(0, Infinity, ...this.waiting.filter(({ hasEnded }) => !hasEnded));
    if (this.waiting.length === 0 || this.running.length >= this.most) return;
    const { adapter, prompt } = this.waiting[0]!.job;
    const kind = kindOf(this.waiting[0]!.job);
    const entries = this.waiting.filter(({ job }) => kindOf(job) === kind).slice(0, this.rows);
    this.waiting.splice(0, Infinity, ...this.waiting.filter((entry) => !entries.includes(entry)));
    try {
      this.options.use?.(adapter);
      const decoder = await beginningWith(this.model, prompt.begun).startDecoder(
        padBatch(
          entries.map(({ job }) => job.prompt.input),
          this.model.padTokenId,
        ),
        1,
        Math.max(...entries.map(({ left }) => left)),
      );
      entries.forEach((entry, row) => (entry.last = decoder.prompts[row]!.at(-1)!));
      this.running.push({ decoder, adapter, entries });
    } catch (error) {
      for (const { ended } of entries) ended(error as Error);
    }
  }

  private async step(batch: Batch): Promise<void> {
    const { decoder, adapter, entries } = batch;
    try {
      for (const { job, ended } of entries) if (job.signal.aborted) ended();
      if (!this.leave(batch)) return;
      this.options.use?.(adapter);
      const logits = await decoder.nextLogits(Int32Array.from(batch.entries, ({ last }) => last));
      const { vocabularySize } = decoder;
      batch.entries.forEach((entry, row) =>
        this.choose(entry, logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)),
      );
    } catch (error) {
      for (const { ended, hasEnded } of entries) if (!hasEnded) ended(error as Error);
    }
    this.leave(batch);
  }

  private choose(entry: Entry, logits: Float32Array): void {
    if (entry.job.signal.aborted) return entry.ended();
    try {
      const token = entry.job.next(logits);
      if (token === undefined || --entry.left === 0) return entry.ended();
      entry.last = token;
    } catch (error) {
      entry.ended(error as Error);
    }
  }

  /** Lets go of what has ended; returns whether anything is left. */
  private leave(batch: Batch): boolean {
    const going = batch.entries.filter(({ hasEnded }) => !hasEnded);
    if (going.length === batch.entries.length) return going.length > 0;
    if (going.length === 0) batch.decoder.dispose();
    else batch.decoder.select(going.map((entry) => batch.entries.indexOf(entry)));
    batch.entries = going;
    return going.length > 0;
  }
}
