import { z } from "zod";
import { writeChunksWhole } from "../io";
import type { Dialogue } from "./dialogue";
import { fields, problemWith, shown, text } from "./form";
import { JsonlError, parseJsonLines, readJsonlFile } from "./lines";
import type { Persona } from "./persona";

/** How the partner of a persona is, or what happens to them. */
export const scenarioTypes = [
  "helpful",
  "dull",
  "unhelpful",
  "misunderstanding",
  "disagreement",
  "sad",
  "off-topic",
  "pressure",
] as const;
export type ScenarioType = (typeof scenarioTypes)[number];

/** Who made a record: a model that was asked to, a person who chatted as the persona, or authors who wrote both speakers. */
export const recordSources = ["synthetic", "human", "authored"] as const;
export type RecordSource = (typeof recordSources)[number];

/** A turn: of the persona, whose role is `user`, or of its partner, the `assistant`. */
export interface RecordTurn {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** Weaker answers to the same history; of the persona's turns alone. */
  readonly alternatives?: readonly string[];
}

/** A dialogue of a persona with a partner, as a line of a JSONL file holds it. */
export interface DialogueRecord {
  readonly persona_id: string;
  readonly topic: string;
  readonly turns: readonly RecordTurn[];
  readonly metadata: {
    /** 0–1; null where nobody judged it. */
    readonly quality_score: number | null;
    /** What a safety filter found; none, for what is trained on. */
    readonly safety_flags: readonly string[];
    readonly scenario_type: ScenarioType;
    readonly source: RecordSource;
    /** The model that wrote it, where one did: of synthetic records. */
    readonly generation_model: string | null;
    readonly num_turns: number;
  };
}

/** A record with its line in the file, from 1. */
export type PlacedRecord = DialogueRecord & { readonly line: number };

const roleNames: Readonly<Record<string, string>> = {
  persona: '; the persona is the "user"',
  human: '; the persona is the "user"',
  partner: '; the partner is the "assistant"',
  gpt: '; the partner is the "assistant"',
  bot: '; the partner is the "assistant"',
  system: "; the definition is in the persona's file, leave it out",
};
const said = (what: string, remedy: string) => text(what).regex(/\S/, `${what}; ${remedy}`);
const turn = fields(
  {
    role: z.enum(["user", "assistant"], {
      error: ({ input }) =>
        `"user" (the persona) or "assistant" (its partner)${(typeof input === "string" && roleNames[input]) || ""}`,
    }),
    content: said("what is said", "leave empty turns out"),
    alternatives: z
      .array(
        said("a weaker answer", "leave empty ones out"),
        'a list such as ["Fine."]; leave it out where there are none',
      )
      .min(1, "a list of one at least; leave it out where there are none")
      .optional(),
  },
  'a turn such as {"role": "user", "content": "Hi!"}',
).check(({ value, issues }) => {
  const { role, content, alternatives = [] } = value;
  const refuse = (at: readonly (string | number)[], message: string) =>
    issues.push({ code: "custom", input: value, path: ["alternatives", ...at], message });
  if (role === "assistant" && alternatives.length > 0)
    refuse([], "left out; only the persona, the user, has alternatives");
  const again = alternatives.findIndex((one, at) => one === content || alternatives.indexOf(one) < at);
  if (again >= 0) refuse([again], "another answer than the others of this turn; leave it out");
});

const metadata = fields(
  {
    quality_score: z
      .number("a number from 0 to 1; write null where nobody judged it")
      .min(0, "a number from 0 to 1")
      .max(1, "a number from 0 to 1")
      .nullable(),
    safety_flags: z.array(
      text("what was found"),
      "a list of what a safety filter found; write [] for nothing",
    ),
    scenario_type: z.enum(scenarioTypes, `one of ${scenarioTypes.join(", ")}`),
    source: z.enum(recordSources, `one of ${recordSources.join(", ")}`),
    generation_model: said("the model's name", "write null where no model wrote it").nullable(),
    num_turns: z.number("the number of turns"),
  },
  "an object with quality_score, safety_flags, scenario_type, source, generation_model and num_turns",
).check(({ value, issues }) => {
  const isSynthetic = value.source === "synthetic";
  if (isSynthetic === (value.generation_model !== null)) return;
  const message = isSynthetic
    ? "the model's name; a synthetic record says which model wrote it"
    : `null; no model wrote what is ${value.source}`;
  issues.push({ code: "custom", input: value, path: ["generation_model"], message });
});

const oneLine = (what: string) =>
  text(what).regex(/^(?=.*\S)[^[\]\r\n]*$/, `${what} on one line without [ and ]`);

const form = fields(
  {
    persona_id: oneLine("the persona's name"),
    topic: oneLine("what the dialogue is about"),
    turns: z.array(turn, 'a list of turns such as {"role": "user", "content": "Hi!"}'),
    metadata,
  },
  "a record, an object with persona_id, topic, turns and metadata",
).check(({ value, issues }) => {
  const { turns, metadata } = value;
  const refuse = (path: string[], message: string) =>
    issues.push({ code: "custom", input: value, path, message });
  if (!turns.some(({ role }) => role === "user"))
    refuse(["turns"], "a list with a turn of the user; without one the persona says nothing");
  if (metadata.num_turns !== turns.length)
    refuse(["metadata", "num_turns"], `${turns.length}, the number of turns`);
});

/** What is wrong with a value that should be a record: field, what it must be, what it is. Nothing where it is one. */
export const recordProblem = (value: unknown): string | undefined => problemWith(form, value);

/**
 * Reads records from a JSONL file, one a line; nothing is guessed and nothing is left out.
 *
 * @throws {Error} if there is no such file
 * @throws {JsonlError} naming line, field and remedy
 */
export function readRecords(path: string): PlacedRecord[] {
  return parseRecords(readJsonlFile(path), path);
}

/**
 * The records of a whole JSONL file; see {@link readRecords}.
 *
 * @throws {JsonlError} naming line, field and remedy of the first line that holds no record, or says what an earlier one says; or for
 *   a file without records
 */
export function parseRecords(bytes: Uint8Array, path: string): PlacedRecord[] {
  const records: PlacedRecord[] = [];
  const known = new Map<string, number>();
  for (const { value, line } of parseJsonLines(bytes, path, "record")) {
    const problem = recordProblem(value);
    if (problem !== undefined) throw new JsonlError(path, line, problem);
    const record = value as DialogueRecord;
    const spoken = JSON.stringify([record.persona_id, record.turns]);
    const earlier = known.get(spoken);
    if (earlier !== undefined)
      throw new JsonlError(path, line, `turns: are those of line ${earlier}; leave out one of the two`);
    known.set(spoken, line);
    records.push({ ...record, line });
  }
  if (records.length === 0) throw new JsonlError(path, 1, "the file has no line with a record");
  return records;
}

/**
 * Writes records that {@link readRecords} reads back as they are; the file is written whole or not at all.
 *
 * @throws {JsonlError} for one that the file cannot hold
 * @throws {FileProblem} if the disk does not take the file
 */
export function writeRecords(path: string, records: readonly DialogueRecord[]): void {
  writeChunksWhole(
    path,
    records.map((record, i) => {
      const line = recordLine(record);
      const problem = recordProblem(JSON.parse(line));
      if (problem !== undefined) throw new JsonlError(path, i + 1, problem);
      return Buffer.from(`${line}\n`);
    }),
  );
}

/** A record as a line of a file has it. */
export function recordLine({ persona_id, topic, turns, metadata }: DialogueRecord): string {
  return JSON.stringify({
    persona_id,
    topic,
    turns: turns.map(({ role, content, alternatives }) => ({ role, content, alternatives })),
    metadata,
  });
}

/**
 * A record as a dialogue: speaker 1 is the persona, speaker 2 its partner, of whom nothing is known. What a dialogue has no field for
 * is in its `meta`, so that {@link asRecord} gives the record back.
 *
 * @param id names the dialogue
 * @param persona of whom the record is; its id is that of the record
 */
export function fromRecord(record: DialogueRecord, id: string, persona?: Persona): Dialogue {
  const { persona_id, topic, turns, metadata } = record;
  const { quality_score, safety_flags, scenario_type, source, generation_model } = metadata;
  const alternatives = turns.map(({ alternatives = [] }) => [...alternatives]);
  const { facts = [], traits } = persona ?? {};
  return {
    id,
    personas: [{ id: persona_id, facts, ...(traits && { traits }) }, { facts: [] }],
    turns: turns.map(({ role, content }) => ({ speaker: role === "user" ? 1 : 2, text: content })),
    meta: {
      source,
      ...(generation_model !== null && { generator: generation_model }),
      ...(quality_score !== null && { scores: { quality: quality_score } }),
      topic,
      scenario_type,
      safety_flags: [...safety_flags],
      ...(alternatives.some(({ length }) => length > 0) && { alternatives }),
    },
  };
}

const metaForm = z.object({
  alternatives: z.array(z.array(z.string())).default([]),
  scores: z.object({ quality: z.number().nullable().default(null) }).default({ quality: null }),
  generator: z.string().nullable().default(null),
});

/**
 * A dialogue that {@link fromRecord} made, or one with the same in its `meta`, as a record.
 *
 * @throws {Error} naming dialogue, field and remedy, if it is none
 */
export function asRecord({ id, personas, turns, meta = {} }: Dialogue): DialogueRecord {
  const refuse = (problem: string): never => {
    throw new Error(`dialogue ${shown(id)}: is no record: ${problem}`);
  };
  const parsed = metaForm.safeParse(meta);
  if (!parsed.success) return refuse(`meta: ${z.prettifyError(parsed.error)}`);
  const { alternatives, scores, generator } = parsed.data;
  if (alternatives.length > turns.length)
    refuse(
      `meta.alternatives: must be a list for each of the ${turns.length} turns, not ${alternatives.length}`,
    );
  const record = {
    persona_id: personas[0].id,
    topic: meta["topic"],
    turns: turns.map(({ speaker, text }, at) => ({
      role: speaker === 1 ? "user" : "assistant",
      content: text,
      ...((alternatives[at]?.length ?? 0) > 0 && { alternatives: alternatives[at] }),
    })),
    metadata: {
      quality_score: scores.quality,
      safety_flags: meta["safety_flags"],
      scenario_type: meta["scenario_type"],
      source: meta.source,
      generation_model: generator,
      num_turns: turns.length,
    },
  };
  const problem = recordProblem(record);
  return problem === undefined ? (record as DialogueRecord) : refuse(problem);
}
