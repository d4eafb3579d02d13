import { appendFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { onDisk, readText, writeJsonLines } from "../io";
import { CsvLog } from "./log-csv";
import { EventLog, type LoggedScalars } from "./log-events";

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
  /** Wall-clock time of the step, and its share of that of the rollouts that it learns from; evaluating and saving are not in it. */
  readonly seconds: number;
  /** Means of the objective's metrics over the step's batches, where it has any. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Mean loss over the validation set, where the step was evaluated. */
  readonly evalLoss?: number;
  /** Means of the metrics over the validation set. */
  readonly evalMetrics?: Readonly<Record<string, number>>;
}

/**
 * The log of a run, readable while the run goes on: JSONL, a line a step; beside it the same numbers as CSV, and in the folder
 * `tensorboard` as an event file.
 */
export class TrainingLog {
  readonly rows: StepLog[] = [];
  private readonly csv: CsvLog;
  private readonly events: EventLog;

  /** Opens a log and forgets the rows after `lastStep`: a resumed run writes them again. */
  constructor(
    readonly path: string,
    lastStep: number,
  ) {
    this.rows = readTrainingLog(path).filter(({ step }) => step <= lastStep);
    writeJsonLines(path, this.rows);
    this.csv = new CsvLog(path.replace(/\.jsonl$/, ".csv"), this.rows.map(numbersOf));
    // As if the steps had been taken one after the other until now: when each was taken is not in the log.
    let wallTime = Date.now() / 1000 - this.rows.reduce((sum, { seconds }) => sum + seconds, 0);
    const kept = this.rows.map((row) => scalarsOf(row, (wallTime += row.seconds)));
    this.events = new EventLog(join(dirname(path), "tensorboard"), kept);
  }

  append(row: StepLog): void {
    this.rows.push(row);
    onDisk(this.path, () => appendFileSync(this.path, `${JSON.stringify(row)}\n`));
    this.csv.append(numbersOf(row));
    this.events.append(scalarsOf(row, Date.now() / 1000));
  }
}

/** The finite numbers of a row; those of its metrics as `metrics.NAME` and `evalMetrics.NAME`. */
function numbersOf(row: StepLog): Record<string, number> {
  const { metrics = {}, evalMetrics = {}, ...others } = row;
  const named = (prefix: string, values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value] as const);
  const all = [...named("", others), ...named("metrics.", metrics), ...named("evalMetrics.", evalMetrics)];
  return Object.fromEntries(all.filter(([, value]) => Number.isFinite(value)));
}

/** A row as TensorBoard groups it, with the tags of transformers: `train/grad_norm`, `eval/loss`. */
function scalarsOf(row: StepLog, wallTime: number): LoggedScalars {
  const { step, ...numbers } = numbersOf(row);
  const tags: [RegExp, string][] = [
    [/^metrics\./, "train/"],
    [/^evalMetrics\./, "eval/"],
    [/^evalLoss$/, "eval/loss"],
  ];
  const tagOf = (name: string) => {
    const found = tags.find(([pattern]) => pattern.test(name));
    if (found) return name.replace(...found);
    return `train/${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  };
  const scalars = Object.entries(numbers).map(([name, value]) => [tagOf(name), value] as const);
  return { step: step!, wallTime, scalars: Object.fromEntries(scalars) };
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
