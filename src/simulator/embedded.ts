import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type DialogueRecord, readRecords } from "../corpus";

/** The records that come with the project: authored, a file for each persona. */
export const recordDirectory = resolve(__dirname, "../../data/simulator");

/** The adapter of the embedded causal model that was trained on them; its card has the command. */
export const embeddedSimulator = resolve(__dirname, "../../data/adapters/simulator");

/** Records of all files of a folder, in order of their names. */
export function readRecordFiles(directory = recordDirectory): DialogueRecord[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .flatMap((name) => readRecords(join(directory, name)));
}
