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

/**
 * Has a teacher write dialogues and sorts them out: records into `dialogues.jsonl`, the others with their reasons into
 * `rejected.jsonl`. What was answered is kept in `answers.jsonl` as it comes, so that the same call goes on where one was killed, and
 * ends with the same files. After the first fifty dialogues it tells time and cost of all.
 *
 * @throws {Error} if the folder holds dialogues of other settings, or another process writes there
 */
export function generateRecords(source: ChatSource, options: GenerateOptions): Promise<Generated> {
  return asSoleWriter(options.directory, async () => {
    const paths = generationPaths(options.directory);
    requireSameSettings(paths.settings, settingsOf(source, options));
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
    const trial = open.slice(0, TRIAL);
    let stopped = await answerAll(source, trial, kept, progress, options);
    const measured = kept.all.filter(({ task }) => trial.some(({ number }) => number === task));
    if (measured.length > 0) {
      const seconds = (performance.now() - began) / 1000;
      const { records } = results();
      const acceptedShare = records.length / kept.all.length;
      for (const line of estimate(
        measured,
        seconds,
        acceptedShare,
        open.length - measured.length,
        options.prices,
      ))
        options.say(line);
    }
    stopped ??= await answerAll(source, open.slice(TRIAL), kept, progress, options);
    progress.finish();
    const { records, rejected } = results();
    if (records.length > 0) writeRecords(paths.records, records);
    writeJsonLines(paths.rejected, rejected);
    const left = tasks.filter(({ number }) => !kept.get(number)).length;
    return { records, rejected, open: left, ...(stopped !== undefined && { stopped }) };
  });
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

async function ask(source: ChatSource, task: TeacherTask, options: GenerateOptions): Promise<KeptAnswer> {
  const { number } = task;
  try {
    const { text, finish, usage } = await source.ask(teacherRequest(task, options));
    return { task: number, text, finish, ...usage };
  } catch (error) {
    if (!(error instanceof ChatApiError) || error.code !== "declined") throw error;
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

const settingsForm = z.record(z.string(), z.union([z.string(), z.number()]));

/** What decides the answers; of more dialogues in the same folder it must be the same. */
function settingsOf(source: ChatSource, options: GenerateOptions): Record<string, string | number> {
  const { teacher, seed, maxTokens, temperature, personas, topics } = options;
  return {
    teacher,
    source: source.name,
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
