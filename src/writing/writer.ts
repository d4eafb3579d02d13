import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type DialogueRecord, readRecords, type RecordTurn, writeRecords } from "../corpus";
import { readJson, removeFile, shownPath, writeJson } from "../io";
import { describeIssues } from "../text";
import type { Draft } from "./page/messages";

/** Names of writers, which are names of files. */
const NAME = /^[a-z][a-z0-9_-]{0,30}$/;

/** What a name must be, for a reader. */
export const NAME_RULE = "small letters, digits, _ and -, 31 at most, the first one a letter";

const draftForm = z.strictObject({
  id: z.uuid(),
  persona_id: z.string(),
  topic: z.string(),
  partner: z.string(),
  turns: z.array(
    z.strictObject({
      role: z.enum(["user", "assistant"]),
      content: z.string(),
      alternatives: z.array(z.string()).min(1).optional(),
    }),
  ),
});
const draftsForm = z.array(draftForm);

export const isWriterName = (name: string): boolean => NAME.test(name);

/** Where a folder keeps what a writer wrote. */
const pathsOf = (directory: string, writer: string) => ({
  records: join(directory, `${writer}.jsonl`),
  drafts: join(directory, "drafts", `${writer}.json`),
});

/** The names of all who have written in a folder. */
export function writersOf(directory: string): string[] {
  const names = (folder: string, ending: string) =>
    existsSync(folder)
      ? readdirSync(folder).flatMap((file) => (file.endsWith(ending) ? file.slice(0, -ending.length) : []))
      : [];
  const all = [...names(directory, ".jsonl"), ...names(join(directory, "drafts"), ".json")];
  return [...new Set(all)].filter(isWriterName).sort();
}

/**
 * What one writer wrote: finished conversations, records in `NAME.jsonl`, and drafts in `drafts/NAME.json`. Both are read anew each
 * time and written whole, so that a kill at any moment leaves the one before or the one after.
 *
 * @throws {Error} for another name than {@link NAME_RULE}; from all members, for files that hold something else
 */
export class Writer {
  private readonly paths: ReturnType<typeof pathsOf>;

  constructor(
    directory: string,
    readonly name: string,
  ) {
    if (!isWriterName(name)) throw new Error(`"${name}" is no writer's name: ${NAME_RULE}`);
    this.paths = pathsOf(directory, name);
  }

  get records(): readonly DialogueRecord[] {
    return existsSync(this.paths.records) ? readRecords(this.paths.records) : [];
  }

  /** Drafts in the order in which they began. One that is among the records was being finished when the process was killed. */
  get drafts(): readonly Draft[] {
    const { drafts: path } = this.paths;
    if (!existsSync(path)) return [];
    const value = readJson(path);
    const parsed = draftsForm.safeParse(value);
    if (!parsed.success)
      throw new Error(`${shownPath(path)}: no drafts: ${describeIssues(parsed.error, value, []).join("; ")}`);
    const finished = new Set(this.records.map(spoken));
    return parsed.data.filter((draft) => !finished.has(spoken(draft)));
  }

  /** Keeps a draft as it is now; one without turns goes. */
  keep(draft: Draft): void {
    const others = this.drafts;
    const place = others.findIndex(({ id }) => id === draft.id);
    const kept = place < 0 ? [...others, draft] : others.map((one, at) => (at === place ? draft : one));
    this.write(kept.filter(({ turns }) => turns.length > 0));
  }

  /** Makes a record of a draft. */
  finish(id: string, record: DialogueRecord): void {
    writeRecords(this.paths.records, [...this.records, record]);
    this.write(this.drafts.filter((one) => one.id !== id));
  }

  private write(drafts: readonly Draft[]): void {
    if (drafts.length === 0) removeFile(this.paths.drafts);
    else writeJson(this.paths.drafts, drafts);
  }
}

const spoken = ({
  persona_id,
  turns,
}: {
  readonly persona_id: string;
  readonly turns: readonly RecordTurn[];
}): string =>
  JSON.stringify([
    persona_id,
    turns.map(({ role, content, alternatives }) => ({ role, content, alternatives })),
  ]);
