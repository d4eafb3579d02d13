import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ChatSource } from "../../chat-api";
import { formatDuration } from "../../display";
import { modelCard, writeModelCard } from "../../export";
import { checkWritable, makeFolder, readJson, sha256, shownPath, writeJson } from "../../io";
import { copyTokenizer } from "../../models/pretrained";
import type { Reward } from "../../rewards";
import { openRewardScorer, type RewardScorer } from "../../scorers";
import { readTrainingLog, type TrainingHooks } from "../../training";
import { type CheckedConfig, checkConfig } from "./config";
import { type Estimate, estimateRun, measuredPeak, TimeEstimate } from "./estimate";
import type { Method, MethodRun, TrainedRun } from "./method";
import { openTrainingModel, type TrainingModel } from "./model";

/** Beside an adapter's files: what made it. */
const RUN_FILE = "train.json";

const runSchema = z.object({
  version: z.literal(1),
  method: z.string(),
  /** With every default filled in. */
  config: z.looseObject({}),
  /** Fingerprint of model, data and everything that decides the steps. */
  key: z.string(),
  /** Of a run that is finished. */
  finished: z.object({ steps: z.number(), seconds: z.number() }).optional(),
});
type SavedRun = z.infer<typeof runSchema>;

/** Where a run reports to, and what may end it. */
export interface MethodHooks extends TrainingHooks {
  /** Sentences for the reader: what is in the data, what is estimated, what was measured. */
  readonly say?: (sentence: string) => void;
  /**
   * Opens a model that a judge asks in this process, such as `serve.openSource`.
   * @default none: a judge must be one behind a chat API
   */
  readonly openSource?: (
    model: string,
  ) => Promise<{ readonly source: ChatSource; readonly dispose: () => Promise<void> }>;
  /**
   * Rewards that the configuration names as `{"reward": "given", "name": …}`.
   * @default none
   */
  readonly rewards?: Readonly<Record<string, Reward>>;
}

/** What a run left. */
export interface MethodResult extends Pick<TrainedRun, "stopped" | "log"> {
  /** With every default filled in. */
  readonly config: CheckedConfig;
  /** The folder of the adapter, which is whole unless the run was interrupted. */
  readonly output: string;
  readonly steps: number;
  readonly estimate: Estimate;
}

/**
 * Trains a model by a method, as its configuration says ({@link checkConfig}), and leaves, in the folder that the configuration names, the adapter as PEFT opens it, its tokenizer, a
 * model card, `training_log.jsonl`, and `train.json` with what made it. A run that was stopped or killed goes on from its last
 * checkpoint when it is asked for again, bit for bit; one that is finished is found.
 *
 * @param source names the configuration in errors
 * @throws {Error} naming what is wrong with the configuration or the data, or that the folder holds another run
 * @throws {TrainingDiverged} if a loss or gradient is no finite number
 *
 * @example
 * await runMethod(sft, { model: "data/model", data: "own.jsonl", output: "outputs/own", maxSteps: 20 });
 */
export async function runMethod(
  method: Method,
  value: unknown,
  hooks: MethodHooks = {},
  source = "config",
): Promise<MethodResult> {
  const config = checkConfig(method, value, source);
  const model = await openTrainingModel(config.model);
  const { rewards = {} } = hooks;
  const asked = { ...askedModels(hooks.openSource), rewards };
  let run: MethodRun | undefined;
  try {
    checkWritable(config.output);
    run = await method.prepare(config as never, model, asked);
    return await finish({ method, config, model, run }, hooks);
  } finally {
    await run?.dispose?.();
    await asked.dispose();
    model.checkpoint.close();
  }
}

/** Models and scorers of this process that a run asks. */
function askedModels(openSource: MethodHooks["openSource"]) {
  const opened: (() => Promise<void>)[] = [];
  return {
    async openModel(name: string): Promise<ChatSource> {
      if (!openSource)
        throw new Error(
          `rewards: nothing here opens ${name} to be asked: give openSource (serve.openSource), or serve it (npm run serve) and name it as model`,
        );
      const { source, dispose } = await openSource(name);
      opened.push(dispose);
      return source;
    },
    async openRewardModel(place: string): Promise<RewardScorer> {
      const scorer = await openRewardScorer(place);
      opened.push(() => scorer.close());
      return scorer;
    },
    dispose: async () => void (await Promise.all(opened.map((dispose) => dispose()))),
  };
}

interface Prepared {
  readonly method: Method;
  readonly config: CheckedConfig;
  readonly model: TrainingModel;
  readonly run: MethodRun;
}

async function finish({ method, config, model, run }: Prepared, hooks: MethodHooks): Promise<MethodResult> {
  const say = hooks.say ?? (() => {});
  const { output } = config;
  const saved: SavedRun = {
    version: 1,
    method: method.name,
    config: { ...config },
    key: sha256(JSON.stringify({ method: method.name, fingerprint: run.fingerprint })),
  };
  const before = readRun(output);
  if (before && before.key !== saved.key) throw new Error(otherRun(output, before, saved));
  for (const note of run.notes) say(note);
  const estimate = estimateRun(run, model.checkpoint);
  const logPath = join(output, "training_log.jsonl");
  if (before?.finished) {
    say(
      `${shownPath(output)} holds this run, finished after ${counted(before.finished.steps)}: nothing is trained`,
    );
    const log = readTrainingLog(logPath);
    return { stopped: "finished", config, output, steps: before.finished.steps, log, estimate };
  }
  for (const sentence of estimate.sentences) say(sentence);
  makeFolder(output);
  writeJson(join(output, RUN_FILE), saved);
  const time = new TimeEstimate();
  const {
    stopped,
    step: steps,
    log,
  } = await run.train(output, {
    ...hooks,
    onStep(row, maxSteps) {
      const told = time.after(row, maxSteps);
      if (told !== undefined) say(told);
      hooks.onStep?.(row, maxSteps);
    },
  });
  if (stopped !== "interrupted") {
    const seconds = log.reduce((sum, row) => sum + row.seconds, 0);
    run.policy.write(output);
    copyTokenizer(run.tokenizer.files ?? run.tokenizer.directory, output);
    const { model: base, data, output: _, ...settings } = config;
    const facts = { base, settings, ...(typeof data === "string" && { data: shownPath(data) }) };
    writeModelCard(output, modelCard("peft", model.checkpoint, facts));
    writeJson(join(output, RUN_FILE), { ...saved, finished: { steps, seconds } });
    removeCheckpoints(output);
    const expected = time.expected === undefined ? "" : ` (estimated: ${formatDuration(time.expected)})`;
    say(
      `${counted(steps)} in ${formatDuration(seconds)}${expected}; ${measuredPeak(estimate)}. The adapter is in ${shownPath(output)}`,
    );
  }
  return { stopped, config, output, steps, log, estimate };
}

/**
 * What a run of a method says in its folder.
 *
 * @throws {Error} if no run of this version is there
 */
export function methodRun(output: string): {
  method: string;
  config: SavedRun["config"];
  isFinished: boolean;
} {
  const run = readRun(output);
  if (!run) throw new Error(`${shownPath(output)}: no run of npm run train is there`);
  return { method: run.method, config: run.config, isFinished: run.finished !== undefined };
}

function readRun(output: string): SavedRun | undefined {
  const path = join(output, RUN_FILE);
  if (!existsSync(path)) {
    if (!existsSync(join(output, "adapter_config.json"))) return undefined;
    throw new Error(
      `output: ${shownPath(output)} holds an adapter that no run of npm run train left: name another output`,
    );
  }
  const parsed = runSchema.safeParse(readJson(path));
  if (!parsed.success)
    throw new Error(`${path}: not written by this version of the project; name another output`);
  return parsed.data;
}

/** What to say of a folder that another run is in. */
function otherRun(output: string, before: SavedRun, now: SavedRun): string {
  const names = [...new Set([...Object.keys(before.config), ...Object.keys(now.config)])];
  const shown = (value: unknown) => (value === undefined ? "none" : JSON.stringify(value));
  const changed = names.filter((name) => shown(before.config[name]) !== shown(now.config[name]));
  const what =
    before.method !== now.method
      ? `it is of ${before.method}`
      : changed.length > 0
        ? changed
            .map((name) => `${name} was ${shown(before.config[name])}, now ${shown(now.config[name])}`)
            .join("; ")
        : "the model, or the data, are no longer what they were";
  return `output: ${shownPath(output)} holds another run (${what}): name another output, or remove that folder`;
}

const counted = (steps: number) => `${steps} step${steps === 1 ? "" : "s"}`;

/** A finished run needs no moments to go on with; they are twice as large as the adapter. */
function removeCheckpoints(directory: string): void {
  for (const name of readdirSync(directory))
    if (/^checkpoint-\d+$/.test(name)) rmSync(join(directory, name), { recursive: true });
}
