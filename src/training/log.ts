import { appendFileSync, existsSync } from "node:fs";
import { onDisk, readText, writeJsonLines } from "../io";

/** A line of the log after an optimizer step. */
export interface StepLog {
  /** Steps done, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Mean training loss of the step; of cross-entropy in nats a label. */
  readonly loss: number;
  readonly learningRate: number;
  /** Global norm of the mean gradient, before clipping. */
  readonly gradNorm: number;
  /** Real tokens (input and target) a second. */
  readonly tokensPerSecond: number;
  /** Real tokens since the run began. */
  readonly numTokens?: number;
  /** Wall-clock time of the step; evaluating and saving are not in it. */
  readonly seconds: number;
  /** Means of the objective's metrics over the step's batches, where it has any. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Mean loss over the validation set, where the step was evaluated. */
  readonly evalLoss?: number;
  /** Means of the metrics over the validation set. */
  readonly evalMetrics?: Readonly<Record<string, number>>;
}

/** The log of a run as JSONL, a line a step, readable while the run goes on. */
export class TrainingLog {
  readonly rows: StepLog[] = [];

  /** Opens a log and forgets the rows after `lastStep`: a resumed run writes them again. */
  constructor(
    readonly path: string,
    lastStep: number,
  ) {
    this.rows = readTrainingLog(path).filter(({ step }) => step <= lastStep);
    writeJsonLines(path, this.rows);
  }

  append(row: StepLog): void {
    this.rows.push(row);
    onDisk(this.path, () => appendFileSync(this.path, `${JSON.stringify(row)}\n`));
  }
}

/** The rows of a log; none where there is no file. */
export function readTrainingLog(path: string): StepLog[] {
  if (!existsSync(path)) return [];
  const lines = readText(path).split("\n");
  // A killed process may leave its last line half-written.
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as StepLog];
    } catch {
      return [];
    }
  });
}
