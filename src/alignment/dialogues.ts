import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Dialogue,
  loadCorpus,
  mergeTurns,
  readSelections,
  type SelectionRow,
  type SplitName,
} from "../corpus";
import { readText } from "../io";
import { inSplits, type SelectionSplits } from "./splits";

/**
 * The turns of dialogues as rows, for both speakers: what was said before, and by whom. Turns that nobody is spoken to before, or that
 * go on after one's own, are left out.
 */
export function rowsOfDialogues(dialogues: readonly Dialogue[]): SelectionRow[] {
  return dialogues.flatMap(({ id, personas, turns }) =>
    turns.flatMap(({ speaker, text }, turn): SelectionRow[] => {
      const history = mergeTurns(turns.slice(0, turn));
      if (text.trim() === "" || history.length === 0 || history.at(-1)!.speaker === speaker) return [];
      return [
        {
          id: `${id}, turn ${turn}`,
          dialogue: id,
          persona: personas[speaker - 1]!.facts,
          partner: personas[2 - speaker]!.facts,
          history: history.map((one) => one.text),
          response: text.trim(),
        },
      ];
    }),
  );
}

/** Where the labelled turns of the embedded sample lie. */
export const labelledTurns = resolve(__dirname, "../../data/selection/rows.jsonl");

/**
 * Turns of the embedded conversations. Those of `valid` and `test` are the labelled ones, with the other's facts from the
 * conversation; those of `train` have no labels.
 *
 * @throws {Error} if a labelled turn is not that of the sample
 */
export async function embeddedRows(): Promise<SelectionSplits> {
  const { splits } = await loadCorpus({ profile: "quick" });
  const turns = new Map(rowsOfDialogues([...splits.valid, ...splits.test]).map((row) => [row.id, row]));
  const labelled = readSelections(labelledTurns).map((row) => {
    const turn = turns.get(row.id);
    if (turn?.response !== row.response)
      throw new Error(`${labelledTurns}: ${row.id} is no turn of the sample: they are of different versions`);
    return { ...row, partner: turn.partner };
  });
  const of = (split: SplitName) => labelled.filter(({ dialogue }) => dialogue.startsWith(`${split}-`));
  return inSplits({ train: rowsOfDialogues(splits.train), valid: of("valid"), test: of("test") });
}

/**
 * Rows of aligned text files, a row a line in each: `per-NAME.txt` the facts, divided by `</s>`, `src-NAME.txt` what the other said
 * last, `tgt-NAME.txt` the response; PersonaChat is passed on so. Rows with equal facts are of one dialogue.
 *
 * @throws {Error} if a file is missing, or they have different numbers of lines
 */
export function readAlignedRows(directory: string, name: string): SelectionRow[] {
  const [facts, said, responses] = ["per", "src", "tgt"].map((part) => {
    const path = join(directory, `${part}-${name}.txt`);
    if (!existsSync(path))
      throw new Error(`${path}: no such file; rows in aligned files have per-, src- and tgt-`);
    return readText(path)
      .replace(/\r?\n$/, "")
      .split(/\r?\n/);
  }) as [string[], string[], string[]];
  if (facts.length !== said.length || said.length !== responses.length)
    throw new Error(
      `${directory}: per-, src- and tgt-${name}.txt have ${facts.length}, ${said.length} and ${responses.length} lines; they must have as many`,
    );
  return facts.flatMap((line, i): SelectionRow[] => {
    const persona = line
      .split("</s>")
      .map((fact) => fact.trim())
      .filter((fact) => fact !== "");
    if (said[i]!.trim() === "" || responses[i]!.trim() === "") return [];
    return [
      {
        id: `${name}, line ${i + 1}`,
        dialogue: `${name}, ${line.trim()}`,
        persona,
        partner: [],
        history: [said[i]!.trim()],
        response: responses[i]!.trim(),
      },
    ];
  });
}
