import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type DialogueRecord,
  personaNamed,
  type PersonaSpec,
  type PlacedRecord,
  readPersonaSpecs,
  readRecords,
  type SplitName,
} from "../corpus";
import { contentsOf, shownPath } from "../io";
import { recordDirectory } from "./embedded";
import { EVERY_PERSONA } from "./plan";
import { splitByTopic, topicsOf } from "./topics";

/** What a simulator is trained, judged and tested on. */
export interface SimulatorData {
  /** Where the records are from. */
  readonly path: string;
  /** The files that were read. */
  readonly files: readonly string[];
  /** Of no two splits a topic is the same. */
  readonly splits: Readonly<Record<SplitName, readonly PlacedRecord[]>>;
  /** The specifications of those who speak in the records. */
  readonly personas: readonly PersonaSpec[];
}

/** So few topics leave none to test on; see `splitOfPlace`. */
const FEWEST_TOPICS = 5;

/**
 * Reads records of a file, or of all JSONL files of a folder, divided by topic, with the specifications of their personas.
 *
 * @param path those that come with the project, where it is empty
 * @param specifications the folder of the personas' files; those that come with the project, where it is empty
 * @throws {Error} if there is no such file, a persona has no specification, or there are too few topics or personas
 * @throws {JsonlError} naming line, field and remedy of what is no record
 */
export function readSimulatorData(path = "", specifications = ""): SimulatorData {
  const place = path === "" ? recordDirectory : path;
  if (!existsSync(place)) throw new Error(`DATA: ${shownPath(place)}: ${contentsOf(place)}`);
  const files = statSync(place).isDirectory()
    ? readdirSync(place)
        .filter((name) => name.endsWith(".jsonl"))
        .sort()
        .map((name) => join(place, name))
    : [place];
  if (files.length === 0)
    throw new Error(`DATA: ${shownPath(place)}: no JSONL file in it; see docs/simulator.md`);
  const records = files.flatMap((file) => readRecords(file));
  const all = specifications === "" ? readPersonaSpecs() : readPersonaSpecs(specifications);
  const ids = [...new Set(records.map(({ persona_id }) => persona_id))].sort();
  const personas = ids.map((id) => personaNamed(id, all));
  if (personas.length < 2)
    throw new Error(
      `DATA: ${shownPath(place)}: all dialogues are of ${ids[0]}; to see what a tag does there must be two personas at least`,
    );
  const topics = topicsOf(records);
  if (topics.length < FEWEST_TOPICS)
    throw new Error(
      `DATA: ${shownPath(place)}: ${topics.length} topics; ${FEWEST_TOPICS} at least, so that there is one to validate and one to test on`,
    );
  return { path: place, files, splits: splitByTopic(records, topics), personas };
}

/**
 * The records of one persona, or all where {@link EVERY_PERSONA} is asked for.
 *
 * @throws {Error} if there is no such persona, saying which there are
 */
export function recordsOf<R extends DialogueRecord>(
  records: readonly R[],
  persona: string,
  personas: readonly PersonaSpec[],
): readonly R[] {
  if (persona === EVERY_PERSONA) return records;
  const { id } = personaNamed(persona, personas);
  return records.filter(({ persona_id }) => persona_id === id);
}
