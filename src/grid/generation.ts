import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { personaNamed, type PersonaSpec, readPersonaSpecs } from "../corpus";
import { sha256 } from "../io";
import { openChatModel } from "../chat";
import { localSource, Served } from "../serve";
import {
  answerInBatches,
  type Answering,
  KeptAnswers,
  planTasks,
  readAnswers,
  readTopics,
  type TeacherTask,
} from "../simulator";
import { checksumOf } from "./checksum";
import type { FamilyRun, Settings } from "./declaration";
import { jobPath, placeOf } from "./job";
import { readRecord, runFolder } from "./record";
import { type JobOptions, runJobs } from "./run";
import type { GridTask } from "./task";

const settingsSchema = z.strictObject({
  /** A folder or a file of this machine, or a name of the hub. */
  model: z.string(),
  /** A folder, and of its personas those of these ids, separated by commas; all where there are none. */
  personas: z.string(),
  persona: z.string(),
  topics: z.string(),
  /** The first task and the last one. */
  from: z.int().min(0),
  to: z.int().min(0),
  seed: z.int().min(0),
  maxTokens: z.int().min(1),
  temperature: z.number().min(0),
  /** Dialogues that are written together. */
  rows: z.int().min(1),
});

/** What a model of this project is to write dialogues by. */
export type GenerationSettings = z.infer<typeof settingsSchema>;

const answersPath = (id: string) => join("runs", id, "answers.jsonl");
const inPlace = (path: string) => (existsSync(placeOf(path)) ? placeOf(path) : path);

/** The personas that a generation is of. */
export function personasOf({
  personas,
  persona,
}: Pick<GenerationSettings, "personas" | "persona">): PersonaSpec[] {
  const all = readPersonaSpecs(placeOf(personas));
  return persona === "" ? all : persona.split(",").map((id) => personaNamed(id, all));
}

/** What records call a model. */
const nameOf = (model: string) => basename(model).replace(/\.gguf$/i, "");

/**
 * A model of this project as a teacher in this process.
 *
 * @param rows dialogues that it writes together
 * @throws {Error} if there is no such model, or if it takes no conversation
 */
export async function openTeacher(model: string, rows: number) {
  const opened = await openChatModel({ model: inPlace(model) });
  const source = localSource(new Served({ ...opened, name: "teacher" }, { rows, batches: 1, waiting: rows }));
  return { name: nameOf(model), source, why: opened.why, close: () => opened.dispose() };
}

/** Has a model of this project write the dialogues of some tasks. */
export const gridTask: GridTask = {
  settings: (given) => settingsSchema.parse(given),

  async inputs(_, runs) {
    const sums = new Map<string, Promise<Record<string, string>>>();
    const inputsOf = async (settings: GenerationSettings) => ({
      model: await checksumOf(inPlace(settings.model)),
      personas: sha256(JSON.stringify(personasOf(settings))),
      topics: sha256(JSON.stringify(readTopics(placeOf(settings.topics)))),
    });
    return Promise.all(
      runs.map((run) => {
        const settings = settingsSchema.parse(run);
        const { model, personas, persona, topics } = settings;
        const key = JSON.stringify([model, personas, persona, topics]);
        const known = sums.get(key) ?? inputsOf(settings);
        sums.set(key, known);
        return known;
      }),
    );
  },

  work: ({ from, to }) => ({ units: Number(to) - Number(from) + 1, unit: "dialogues" }),

  files: (id) => [answersPath(id)],

  async run(given, { id, directory, signal, phase, progress }) {
    const settings = settingsSchema.parse(given);
    const { from, to, rows, model } = settings;
    const tasks = planTasks(
      { ...settings, personas: personasOf(settings), topics: topicsOf(settings) },
      to + 1,
    );
    const kept = new KeptAnswers(join(directory, answersPath(id)));
    const open = tasks.slice(from).filter(({ number }) => !kept.get(number));
    let done = to - from + 1 - open.length;
    progress(done);
    const teacher = await openTeacher(model, rows);
    phase("writing");
    try {
      const options = { ...settings, signal };
      const stopped = await answerInBatches(teacher.source, open, kept, rows, options, (count) => {
        done += count;
        progress(done);
      });
      if (stopped !== undefined) return undefined;
    } finally {
      await teacher.close();
    }
    const tokens = kept.all.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
    return { dialogues: done, tokens };
  },
};

const topicsOf = ({ topics }: Pick<GenerationSettings, "topics">) => readTopics(placeOf(topics));

export interface JobTeacherOptions
  extends Omit<GenerationSettings, "from" | "to">, Pick<JobOptions, "engine" | "signal" | "say"> {
  /** Where the jobs' files lie. */
  readonly directory: string;
  /** Tasks of a job: as many as this, made a multiple of `rows`. */
  readonly perJob: number;
}

/** A model of this project as a teacher whose tasks are done as jobs, so many each. */
export function jobTeacher(options: JobTeacherOptions): Answering & { readonly teacher: string } {
  const { directory, engine, signal, say, perJob, ...settings } = options;
  const size = Math.ceil(perJob / settings.rows) * settings.rows;
  let busy = 0;
  return {
    name: "teacher (in this process)", // the settings of a folder are the same wherever the model writes
    teacher: nameOf(settings.model),
    busySeconds: () => busy,
    async answer(tasks, kept, progress) {
      if (tasks.length === 0) return undefined;
      const runs = blocksOf(tasks, size).map((block): FamilyRun => {
        const [from, to] = [block[0]!.number, block.at(-1)!.number];
        const id = `tasks_${from}-${to}`;
        const paths = { model: existsSync(settings.model) ? jobPath(settings.model) : settings.model };
        const places = { personas: jobPath(settings.personas), topics: jobPath(settings.topics) };
        return {
          id,
          family: id,
          settings: { ...settings, ...paths, ...places, from, to } satisfies Settings,
        };
      });
      const outcomes = await runJobs(__filename, runs, {
        ...{ directory, profile: "quick" },
        ...(engine && { engine }),
        ...(signal && { signal }),
        ...(say && { say }),
      });
      for (const { id, outcome } of outcomes) {
        if (outcome !== "done" && outcome !== "skipped") continue;
        const answers = [...readAnswers(join(directory, answersPath(id))).values()];
        const added = answers.filter(({ task }) => !kept.get(task));
        kept.add(...added);
        progress.advance(added.length);
        if (outcome === "done")
          for (const { seconds } of readRecord(directory, id)?.attempts ?? [])
            busy += Object.values(seconds).reduce((sum, part) => sum + part, 0);
      }
      const bad = outcomes.find(({ outcome }) => outcome !== "done" && outcome !== "skipped");
      if (!bad) return undefined;
      if (signal?.aborted) return "interrupted";
      return `the job ${bad.id} is ${bad.outcome}: ${bad.reason ?? `see ${runFolder(directory, bad.id)}`}`;
    },
  };
}

/** Tasks in blocks of neighbours: a block holds numbers of the same multiple of `size` without a gap. */
function blocksOf(tasks: readonly TeacherTask[], size: number): TeacherTask[][] {
  const blocks: TeacherTask[][] = [];
  for (const task of tasks) {
    const last = blocks.at(-1)?.at(-1)?.number;
    const isNext = last === task.number - 1 && Math.floor(last / size) === Math.floor(task.number / size);
    if (isNext) blocks.at(-1)!.push(task);
    else blocks.push([task]);
  }
  return blocks;
}
