import { join } from "node:path";
import type { Turn } from "../corpus";
import { readText } from "../io";
import type { TraitDialogue } from "./twins";

/** What persons said of themselves, what they heard, and what they answered: a line each. */
const FILES = {
  train: ["per-train.txt", "src-train.txt", "tgt-train.txt"],
  valid: ["per-val.txt", "src-val.txt", "tgt-val.txt"],
} as const;

/**
 * PersonaChat, dialogues that people wrote, as the aligned lines of songhaoyu/RCDG (CC-BY-4.0) have it: `per-*.txt` with a persona's
 * facts between `</s>`, `src-*.txt` with what the other one says, `tgt-*.txt` with the answer. Lines with one persona in a row are a
 * dialogue; of the other one nothing is known.
 *
 * @throws {Error} if the files have not as many lines
 */
export function readPersonaChat(folder: string, part: keyof typeof FILES): TraitDialogue[] {
  const [facts, heard, answered] = FILES[part].map((name) => {
    const lines = readText(join(folder, name)).split(/\r?\n/);
    return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  }) as [string[], string[], string[]];
  if (facts.length !== heard.length || facts.length !== answered.length)
    throw new Error(
      `${folder}: the files of ${part} have ${facts.length}, ${heard.length} and ${answered.length} lines; they belong together line by line`,
    );
  const dialogues: { facts: string; turns: Turn[] }[] = [];
  facts.forEach((line, i) => {
    if (dialogues.at(-1)?.facts !== line) dialogues.push({ facts: line, turns: [] });
    const turns: Turn[] = [
      { speaker: 1, text: heard[i]!.trim() },
      { speaker: 2, text: answered[i]!.trim() },
    ];
    dialogues.at(-1)!.turns.push(...turns.filter(({ text }) => text !== ""));
  });
  return dialogues.map(({ facts: line, turns }, i) => {
    const persona = {
      facts: line
        .split("</s>")
        .map((fact) => fact.trim())
        .filter(Boolean),
    };
    const id = `${part}-${i + 1}`;
    return { id, form: "plain", pair: id, personas: [{ facts: [] }, persona], turns };
  });
}
