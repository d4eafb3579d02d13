import { join } from "node:path";
import type { CompletionRow } from "../corpus";
import { dpo, type Method, type MethodHooks, runMethod, sft } from "../experiments";
import { sha256, writeJsonLines } from "../io";
import type { StepLog } from "../training";
import { costOf } from "./cost";

/** What every stage of a study trains alike. */
export interface StageOptions {
  /** A folder, a GGUF file or a name of the hub. */
  readonly model: string;
  /** Adapters and their data go into folders here, named by what made them. */
  readonly directory: string;
  /** Settings of the method: steps, rates, ranks. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hooks?: MethodHooks;
}

/** A trained stage. */
export interface TrainedStage {
  /** The folder of the adapter. */
  readonly output: string;
  readonly log: readonly StepLog[];
  readonly steps: number;
  /** Of its steps, those of earlier processes included. */
  readonly seconds: number;
  /** The most memory that was seen, in MiB; null where the run was there already. */
  readonly peakMiB: number | null;
}

/** What stage 2 is held to: the model of stage 1, as in the paper, or the untuned base, as in the released code. */
export const stageReferences = ["stage 1", "released"] as const;
export type StageReference = (typeof stageReferences)[number];

/**
 * Stage 1: fine-tuning on rows, or on a mixture of tasks. A run that is there is only read, one that broke off goes on.
 *
 * @param mixture how often rows of each task are drawn; without it every row counts as one
 */
export function trainSupervised(
  name: string,
  rows: readonly CompletionRow[],
  options: StageOptions & { readonly mixture?: Readonly<Record<string, number>> },
): Promise<TrainedStage> {
  const { mixture } = options;
  return train(sft, name, options, {
    data: dataFile(options.directory, rows),
    ...(mixture && { mixture }),
  });
}

/** Stage 2: DPO on a file of pairs, from the adapter of stage 1 on. */
export function trainPreferences(
  name: string,
  pairs: string,
  {
    reference = "stage 1",
    from,
    ...options
  }: StageOptions & { readonly from: string; readonly reference?: StageReference },
): Promise<TrainedStage> {
  return train(dpo, name, options, {
    data: pairs,
    adapter: from,
    reference: reference === "released" ? { kind: "base" } : { kind: "adapter", directory: from },
  });
}

/** Rows in a file that is named by what is in it. */
function dataFile(directory: string, rows: readonly object[]): string {
  const path = join(directory, `rows-${sha256(JSON.stringify(rows)).slice(0, 12)}.jsonl`);
  writeJsonLines(path, rows);
  return path;
}

async function train(
  method: Method,
  name: string,
  { model, directory, settings, hooks = {} }: StageOptions,
  extra: Readonly<Record<string, unknown>>,
): Promise<TrainedStage> {
  const config: Readonly<Record<string, unknown>> = { model, ...settings, ...extra };
  // Another configuration is another run, in a folder of its own.
  const key = sha256(JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))));
  const output = join(directory, `${name}-${key.slice(0, 12)}`);
  const { value, cost } = await costOf(() => runMethod(method, { ...config, output }, hooks));
  const { log, steps, stopped } = value;
  if (stopped === "interrupted") throw new Error(`${name}: interrupted; run the cell again to go on`);
  const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
  return { output, log, steps, seconds, peakMiB: cost.seconds < seconds / 2 ? null : cost.peakMiB };
}
