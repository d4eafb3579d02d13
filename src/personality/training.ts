import { join } from "node:path";
import { type MethodHooks, runMethod, sft } from "../experiments";
import { sha256, writeJsonLines } from "../io";
import type { StepLog } from "../training";

/** How an adapter of this study is trained, whatever its rows. */
export interface SpeakerTraining {
  /** A folder, a GGUF file or a name of the hub. */
  readonly model: string;
  readonly seed: number;
  /** Settings of `sft`, in place of its defaults. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Where rows and adapters lie. */
  readonly folder: string;
}

/** An adapter that was trained, or was there already. */
export interface TrainedSpeaker {
  readonly name: string;
  /** The folder of the adapter. */
  readonly adapter: string;
  readonly rows: number;
  readonly log: readonly StepLog[];
}

/**
 * Trains an adapter on rows, by `sft`. Its folder is named after what it is made of, so that one with other rows or settings lies beside it,
 * one that is there is only read, and one that was stopped is gone on with.
 *
 * @throws {Error} if the training was interrupted: what is to follow needs it whole
 */
export async function trainSpeaker(
  name: string,
  rows: readonly object[],
  { model, seed, settings, folder }: SpeakerTraining,
  hooks: MethodHooks = {},
): Promise<TrainedSpeaker> {
  const key = sha256(JSON.stringify({ rows, model, seed, settings })).slice(0, 10);
  const data = join(folder, `${name}-${key}.jsonl`);
  writeJsonLines(data, rows);
  const adapter = join(folder, `${name}-${key}`);
  const { stopped, log } = await runMethod(
    sft,
    { ...settings, model, data, output: adapter, seed, evalSteps: 0 },
    hooks,
  );
  if (stopped === "interrupted") throw new Error(`${name} was stopped; run this again to go on`);
  return { name, adapter, rows: rows.length, log };
}
