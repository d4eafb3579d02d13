import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ChatApiError, type ChatSource, type Prices, type TokenUsage } from "../chat-api";
import { type DialogueRecord, writeRecords } from "../corpus";
import { formatDuration, type Progress } from "../display";
import { readJson, sha256, shownPath, writeJson, writeJsonLines } from "../io";
import { type RejectedDialogue, sortOut } from "./accept";
import { type KeptAnswer, KeptAnswers, readAnswers } from "./answers";
import { asSoleWriter } from "./sole-writer";
import { planTasks, type TaskSources, type TeacherTask, teacherRequest } from "./teacher";

export interface GenerateOptions extends TaskSources {
  /** The model's name, which records say. */
  readonly teacher: string;
  /** How many dialogues are asked for in all, those of earlier runs in this folder included. */
  readonly count: number;
  readonly directory: string;
  /** Requests on their way at a time. */
  readonly concurrency: number;
  /**
   * Whether so many tasks are answered together, and the next ones after them: a model that answers in batches then answers the same
   * bits each time, wherever it does so and wherever it was stopped.
   * @default false
   */
  readonly inBatches?: boolean;
  /** The most tokens of a dialogue. */
  readonly maxTokens: number;
  readonly temperature: number;
  /** What tokens cost, so that it is told in money. */
  readonly prices?: Prices;
  /** Ends the run after the requests that are on their way. */
  readonly signal?: AbortSignal;
  readonly say: (line: string) => void;
  /** Begins a report on the tasks that are open. */
  readonly progress: (total: number) => Progress;
}

/** How a run ended. */
export interface Generated {
  readonly records: readonly DialogueRecord[];
  readonly rejected: readonly RejectedDialogue[];
  /** Tasks without an answer. */
  readonly open: number;
  /** Why it ended before all were answered. */
  readonly stopped?: string;
}

/** Where a folder keeps what. */
export const generationPaths = (directory: string) => ({
  settings: join(directory, "generation.json"),
  answers: join(directory, "answers.jsonl"),
  records: join(directory, "dialogues.jsonl"),
  rejected: join(directory, "rejected.jsonl"),
});

/** Dialogues by which the rate is measured. */
const TRIAL = 50;
/** For how many dialogues time and cost are told, if the run itself is shorter. */
const FOR_SCALE = 10_000;
/** So many requests one after the other without an answer, and something else is wrong than with one of them. */
const MOST_FAILURES = 5;
/** The API's failures that are one request's own: others are asked for. */
const OWN_FAILURES = ["refused", "malformed"];

/** Who has tasks answered. */
export interface Answering {
  /** Who answers, by a name that others do not have. */
  readonly name: string;
  /** The seconds that places were at it so far, added up over those that were at it side by side; as long as it took if it is not said. */
  busySeconds?(): number;
  /** Has tasks answered and keeps the answers; returns why it ended before all were, if it did. */
  answer(tasks: readonly TeacherTask[], kept: KeptAnswers, progress: Progress): Promise<string | undefined>;
}

/**
 * Has a teacher write dialogues and sorts them out: records into `dialogues.jsonl`, the others with their reasons into
 * `rejected.jsonl`. What was answered is kept in `answers.jsonl` as it comes, so that the same call goes on where one was killed, and
 * ends with the same files. After the first fifty dialogues it tells time and cost of all.
 *
 * @throws {Error} if the folder holds dialogues of other settings, or another process writes there
 */
export function generateRecords(source: ChatSource, options: GenerateOptions): Promise<Generated> {
  const answer: Answering["answer"] = (tasks, kept, progress) =>
    answerAll(source, tasks, kept, progress, options);
  return collectRecords({ name: source.name, answer }, options);
}

/**
 * {@link generateRecords} where somebody else has the tasks answered.
 *
 * @throws {Error} as {@link generateRecords}
 */
export function collectRecords(answering: Answering, options: GenerateOptions): Promise<Generated> {
  return asSoleWriter(options.directory, async () => {
    const paths = generationPaths(options.directory);
    requireSameSettings(paths.settings, settingsOf(answering, options));
    const kept = new KeptAnswers(paths.answers);
    // Of an earlier run that asked for more nothing is dropped.
    const most = kept.all.reduce((count, { task }) => Math.max(count, task + 1), options.count);
    const planned = planTasks(options, most);
    const tasks = planned.slice(0, options.count);
    const open = tasks.filter(({ number }) => !kept.get(number));
    if (open.length < tasks.length)
      options.say(
        `goes on in ${shownPath(options.directory)}: ${tasks.length - open.length} of ${tasks.length} are answered`,
      );
    const progress = options.progress(open.length);
    const results = () =>
      sortOut(
        planned.flatMap((task): [TeacherTask, KeptAnswer][] => {
          const answer = kept.get(task.number);
          return answer ? [[task, answer]] : [];
        }),
        options.teacher,
      );
    const began = performance.now();
    // Batches are not cut in two: what is answered together decides the bits.
    const isAfter = ({ number }: TeacherTask, last: TeacherTask | undefined) =>
      last !== undefined && batchOf(number, options) > batchOf(last.number, options);
    const trial = open.filter((task, i) => i < TRIAL || !isAfter(task, open[TRIAL - 1]));
    let stopped = await answering.answer(trial, kept, progress);
    const measured = kept.all.filter(({ task }) => trial.some(({ number }) => number === task));
    if (measured.length > 0) {
      const seconds = (performance.now() - began) / 1000;
      const { records } = results();
      const acceptedShare = records.length / kept.all.length;
      const left = open.length - measured.length;
      for (const line of estimate(measured, seconds, acceptedShare, left, options.prices)) options.say(line);
      if (options.inBatches) options.say(planFor(measured.length / (answering.busySeconds?.() ?? seconds)));
    }
    const isTried = new Set(trial.map(({ number }) => number));
    stopped ??= await answering.answer(
      open.filter(({ number }) => !isTried.has(number)),
      kept,
      progress,
    );
    progress.finish();
    const { records, rejected } = results();
    if (records.length > 0) writeRecords(paths.records, records);
    writeJsonLines(paths.rejected, rejected);
    const left = tasks.filter(({ number }) => !kept.get(number)).length;
    return { records, rejected, open: left, ...(stopped !== undefined && { stopped }) };
  });
}

/** Which tasks are answered together: those of one number. */
const batchOf = (task: number, { inBatches, concurrency }: GenerateOptions) =>
  inBatches ? Math.floor(task / concurrency) : task;

/** What a task is asked with. */
export type AskOptions = Pick<GenerateOptions, "maxTokens" | "temperature">;

/**
 * Has tasks answered in batches, those of each together: all are kept, or none if that is cut off. What a model cannot take is an
 * answer too, as it never will.
 *
 * @param rows of a batch
 * @param onBatch told how many were answered
 * @returns why it stopped before the end, if it did
 */
export async function answerInBatches(
  source: ChatSource,
  tasks: readonly TeacherTask[],
  kept: KeptAnswers,
  rows: number,
  options: AskOptions & Pick<GenerateOptions, "signal">,
  onBatch: (count: number) => void,
): Promise<string | undefined> {
  const batches = new Map<number, TeacherTask[]>();
  for (const task of tasks) {
    const batch = Math.floor(task.number / rows);
    batches.set(batch, [...(batches.get(batch) ?? []), task]);
  }
  for (const batch of batches.values()) {
    if (options.signal?.aborted) return "interrupted";
    kept.add(
      ...(await Promise.all(batch.map((task) => ask(source, task, options, ["declined", "refused"])))),
    );
    onBatch(batch.length);
  }
  return undefined;
}

/**
 * Has the tasks answered, several at a time, and keeps each answer as it comes.
 *
 * @returns why it stopped before the end, if it did
 */
async function answerAll(
  source: ChatSource,
  tasks: readonly TeacherTask[],
  kept: KeptAnswers,
  progress: Progress,
  options: GenerateOptions,
): Promise<string | undefined> {
  if (options.inBatches)
    return answerInBatches(source, tasks, kept, options.concurrency, options, (count) =>
      progress.advance(count, describeTaken(taken(kept.all), options.prices)),
    );
  let [next, failures] = [0, 0];
  let stopped: string | undefined;
  const work = async (): Promise<void> => {
    while (next < tasks.length && stopped === undefined) {
      if (options.signal?.aborted) return void (stopped = "interrupted");
      const task = tasks[next++]!;
      try {
        kept.add(await ask(source, task, options));
        failures = 0;
        progress.advance(1, describeTaken(taken(kept.all), options.prices));
      } catch (error) {
        if (!(error instanceof ChatApiError)) throw error;
        const isOwn = OWN_FAILURES.includes(error.code) && ++failures < MOST_FAILURES;
        if (!isOwn) return void (stopped ??= error.message);
        options.say(`task ${task.number} stays open: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return stopped;
}

async function ask(
  source: ChatSource,
  task: TeacherTask,
  options: AskOptions,
  kept: readonly string[] = ["declined"],
): Promise<KeptAnswer> {
  const { number } = task;
  try {
    const { text, finish, usage } = await source.ask(teacherRequest(task, options));
    return { task: number, text, finish, ...usage };
  } catch (error) {
    if (!(error instanceof ChatApiError) || !kept.includes(error.code)) throw error;
    return { task: number, declined: error.message, promptTokens: 0, completionTokens: 0 };
  }
}

/** What the answers in a folder took, those of earlier runs included. */
export function keptUsage(directory: string): TokenUsage {
  return taken([...readAnswers(generationPaths(directory).answers).values()]);
}

/** What answers took together. */
function taken(answers: readonly TokenUsage[]): TokenUsage {
  const sum = (name: keyof TokenUsage) => answers.reduce((total, answer) => total + answer[name], 0);
  return { promptTokens: sum("promptTokens"), completionTokens: sum("completionTokens") };
}

const MILLION = 1e6;

function describeTaken({ promptTokens, completionTokens }: TokenUsage, prices: Prices | undefined): string {
  const number = (value: number) => Math.round(value).toLocaleString("en-GB");
  const cost = prices && (promptTokens * prices.prompt + completionTokens * prices.completion) / MILLION;
  return `${number(promptTokens)} tokens asked, ${number(completionTokens)} answered${cost === undefined ? "" : `, cost ${cost.toFixed(2)}`}`;
}

/** Rate, and time and cost of what is left, or of ten thousand where nothing is, as sentences. */
function estimate(
  measured: readonly TokenUsage[],
  seconds: number,
  acceptedShare: number,
  left: number,
  prices: Prices | undefined,
): string[] {
  const { promptTokens, completionTokens } = taken(measured);
  const { length } = measured;
  const expect = (count: number) => {
    const scale = count / length;
    const took = { promptTokens: promptTokens * scale, completionTokens: completionTokens * scale };
    return `about ${formatDuration(seconds * scale)}, ${describeTaken(took, prices)}`;
  };
  return [
    `measured on ${length} dialogues: ${(length / seconds).toPrecision(3)} a second, ${describeTaken(taken(measured), prices)}; ` +
      `${Math.round(100 * acceptedShare)} % of those that are answered are kept`,
    left > 0
      ? `the ${left.toLocaleString("en-GB")} dialogues left will take ${expect(left)}`
      : `${FOR_SCALE.toLocaleString("en-GB")} dialogues would take ${expect(FOR_SCALE)}`,
  ];
}

/** For how many workers a plan is told. */
const WORKERS = [1, 2, 4, 16, 64];

/** How long ten thousand dialogues take so many workers, each with cores of its own, of which one does so many a second; a sentence. */
export function planFor(perSecond: number): string {
  const each = WORKERS.map((count) => `${formatDuration(FOR_SCALE / perSecond / count)} by ${count}`);
  return (
    `one worker did ${perSecond.toPrecision(3)} a second; at that rate ${FOR_SCALE.toLocaleString("en-GB")} dialogues take workers with ` +
    `cores of their own ${each.join(", ")}`
  );
}

const settingsForm = z.record(z.string(), z.union([z.string(), z.number()]));

/** What decides the answers; of more dialogues in the same folder it must be the same. */
function settingsOf(answering: Answering, options: GenerateOptions): Record<string, string | number> {
  const { teacher, seed, maxTokens, temperature, personas, topics, inBatches, concurrency } = options;
  return {
    teacher,
    source: answering.name,
    ...(inBatches && { batch: concurrency }),
    seed,
    maxTokens,
    temperature,
    personas: sha256(JSON.stringify(personas)),
    topics: sha256(JSON.stringify(topics)),
  };
}

function requireSameSettings(path: string, settings: Record<string, string | number>): void {
  if (!existsSync(path)) return writeJson(path, settings);
  const before = settingsForm.parse(readJson(path));
  const other = Object.keys(settings).filter((name) => before[name] !== settings[name]);
  if (other.length === 0) return;
  const changes = other.map((name) => `${name} was ${before[name]} and is ${settings[name]}`);
  throw new Error(
    `${shownPath(path)}: dialogues of other settings are in this folder: ${changes.join("; ")}; take another folder`,
  );
}
