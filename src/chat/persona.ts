import { isUtf8 } from "node:buffer";
import { existsSync, readFileSync, statSync } from "node:fs";
import {
  type Dialogue,
  loadCorpus,
  parseDialogues,
  type Persona,
  personaNamed,
  type PersonaSpec,
  readPersonaSpec,
  sampleDirectory,
} from "../corpus";
import { disguise, readJson, shownPath } from "../io";
import { didYouMean } from "../text";

/** A persona to talk with, and where it is from. */
export interface FoundPersona {
  readonly persona: Persona;
  readonly why: string;
}

/**
 * The persona that a name stands for:
 *
 *     people.jsonl        of the first persona in the file of whom something is known; a line is a dialogue or a persona
 *     people.jsonl#ID     the one of this id in the file
 *     grump.json          a persona specification
 *     sailor.txt          a fact a line
 *     train-1/2           speaker 2 of dialogue train-1 of the embedded conversations
 *     playful             of a model that plays personas, the one of this id
 *
 * An ID is a persona's own, or that of its dialogue with the speaker's number.
 *
 * @param played the personas that the model has learned to play, if it is one that plays some: then they are the IDs
 * @throws {Error} if there is none, saying what there is
 */
export async function findPersona(name: string, played: readonly PersonaSpec[] = []): Promise<FoundPersona> {
  const [file, id] = existsSync(name) ? [name, undefined] : splitName(name);
  if (file !== undefined) return isJson(file) ? fromDialogues(file, id) : fromLines(file, id);
  if (/[\\/].*[\\/]|\.\w+(#.*)?$|^[.~]/.test(name))
    throw new Error(`${name}: no such file; --persona takes a file, or an ID such as train-1/2`);
  if (played.length > 0) return { persona: personaNamed(name, played), why: name };
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const found = choose(personasOf(Object.values(splits).flat()), name, shownPath(sampleDirectory));
  return { ...found, why: `${name} of the embedded conversations` };
}

/**
 * Who a model is at first: the persona that is named, or nobody; of a model that plays personas, where none is named, the first.
 *
 * @throws {Error} as {@link findPersona}
 */
export async function personaFor(
  name: string | undefined,
  played: readonly PersonaSpec[] = [],
): Promise<FoundPersona | undefined> {
  if (name !== undefined) return findPersona(name, played);
  const [first, ...others] = played;
  if (!first) return undefined;
  const ids = others.map(({ id }) => id).join(", ");
  return { persona: first, why: others.length === 0 ? first.id : `${first.id} (it can be ${ids}, too)` };
}

function splitName(name: string): [file?: string, id?: string] {
  const at = name.lastIndexOf("#");
  const file = name.slice(0, at);
  return at > 0 && existsSync(file) ? [file, name.slice(at + 1)] : [];
}

/** Whether a file holds JSON objects, by its name or by how it begins. */
function isJson(path: string): boolean {
  if (/\.(jsonl|ndjson|json)$/i.test(path)) return true;
  return statSync(path).isFile() && /^\uFEFF?\s*\{/.test(readFileSync(path, "utf8"));
}

function fromDialogues(path: string, id: string | undefined): FoundPersona {
  if (holdsSpecification(path)) {
    const persona = readPersonaSpec(path);
    if (id !== undefined && id !== persona.id)
      throw new Error(`${shownPath(path)}: specifies the persona ${persona.id}; leave out #${id}`);
    return { persona, why: shownPath(path) };
  }
  const lines = readFileSync(path, "utf8").split(/\r\n|\n|\r/);
  const dialogues = parseDialogues(Buffer.from(lines.map(asDialogue).join("\n")), path);
  const personas = personasOf(dialogues);
  const file = shownPath(path);
  if (id !== undefined) return { ...choose(personas, id, file), why: `${id} of ${file}` };
  const first = personas.find(({ persona }) => persona.facts.length > 0) ?? personas[0]!;
  const others =
    personas.length > 1 ? `, the first of ${personas.length} personas; ${file}#ID takes another one` : "";
  return { persona: first.persona, why: `${first.ids[0]!} of ${file}${others}` };
}

/** Whether a file is one JSON object with a definition: a persona specification, right or wrong. */
function holdsSpecification(path: string): boolean {
  try {
    const value = readJson(path);
    return typeof value === "object" && value !== null && "definition" in value;
  } catch {
    return false;
  }
}

/** A line with a persona alone as a dialogue in which nothing is said yet. */
function asDialogue(line: string, index: number): string {
  try {
    const value = JSON.parse(line) as unknown;
    if (typeof value !== "object" || value === null || !("facts" in value) || "personas" in value)
      return line;
    return JSON.stringify({ id: `line-${index + 1}`, personas: [value, { facts: [] }], turns: [] });
  } catch {
    return line; // the reader of dialogues says what is wrong with it
  }
}

interface Named extends Pick<FoundPersona, "persona"> {
  /** Its names: its own id first, if it has one. */
  readonly ids: readonly string[];
}

function personasOf(dialogues: readonly Dialogue[]): Named[] {
  return dialogues.flatMap(({ id, personas, turns }) => {
    const alone = turns.length === 0 && personas[1].facts.length === 0;
    const named = personas.map((persona, i) => ({
      persona,
      ids: [...(persona.id === undefined ? [] : [persona.id]), ...(alone ? [id] : []), `${id}/${i + 1}`],
    }));
    return alone ? named.slice(0, 1) : named;
  });
}

function choose(personas: readonly Named[], id: string, where: string): Named {
  const found = personas.find(({ ids }) => ids.includes(id));
  if (found) return found;
  const ids = personas.map((one) => one.ids[0]!);
  const some = ids.slice(0, 4).join(", ") + (ids.length > 4 ? ` and ${ids.length - 4} more` : "");
  throw new Error(
    `no persona "${id}" in ${where}; it has ${some}; a file can be named, too.${didYouMean(id, ids)}`,
  );
}

function fromLines(path: string, id: string | undefined): FoundPersona {
  const file = shownPath(path);
  if (!statSync(path).isFile())
    throw new Error(`${file}: a folder, where a file is needed: JSONL, or text with a fact a line`);
  const other = disguise(path);
  if (other !== undefined) throw new Error(`${file} ${other}`);
  if (id !== undefined) throw new Error(`${file}: text has one persona, without an id; leave out #${id}`);
  const bytes = readFileSync(path);
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new Error(`${file}: not text in UTF-8; a persona is a file of text with a fact a line, or JSONL`);
  const facts = bytes
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (facts.length === 0) throw new Error(`${file}: no fact in it; write one a line`);
  return { persona: { facts }, why: file };
}
