import { join } from "node:path";
import { type Dialogue, splitWords, utterances, vocabulary, writeDialogues } from "../corpus";
import { writeCsv, writeJsonLines } from "../io";
import { buildTarget } from "../prompts";
import { Random } from "../random";
import type { RejectedCandidate } from "./iterate";

/** Where a corpus that was made lies. */
export const corpusPaths = (directory: string) => ({
  train: join(directory, "train.csv"),
  valid: join(directory, "valid.csv"),
  test: join(directory, "test.csv"),
  dialogues: join(directory, "dialogues.jsonl"),
  rejected: join(directory, "rejected.jsonl"),
});

/** The columns of Synthetic-Persona-Chat. */
const columns = ["user 1 personas", "user 2 personas", "Best Generated Conversation"] as const;

/**
 * Writes dialogues as any corpus lies in a folder: CSV files in the form of Synthetic-Persona-Chat, split 8:1:1 by a seed with one
 * dialogue at least in each, and all of them as JSONL. Beside them is what was rejected, with reason and critic.
 *
 * @throws {RangeError} for fewer than three dialogues
 */
export function writeMadeCorpus(
  directory: string,
  dialogues: readonly Dialogue[],
  rejected: readonly RejectedCandidate[],
  seed: number,
): ReturnType<typeof corpusPaths> {
  if (dialogues.length < 3)
    throw new RangeError(
      `${dialogues.length} dialogues were kept: a corpus of train, valid and test needs three; make more candidates or iterations`,
    );
  const paths = corpusPaths(directory);
  const shuffled = new Random(seed).shuffle(dialogues);
  const part = Math.max(1, Math.round(shuffled.length / 10));
  const splits = {
    valid: shuffled.slice(0, part),
    test: shuffled.slice(part, 2 * part),
    train: shuffled.slice(2 * part),
  };
  for (const name of ["train", "valid", "test"] as const)
    writeCsv(
      paths[name],
      splits[name].map((dialogue) => ({
        [columns[0]]: dialogue.personas[0].facts.join("\n"),
        [columns[1]]: dialogue.personas[1].facts.join("\n"),
        [columns[2]]: buildTarget(dialogue),
      })),
      columns,
    );
  writeDialogues(paths.dialogues, dialogues);
  writeJsonLines(paths.rejected, rejected);
  return paths;
}

/**
 * A corpus in numbers.
 *
 * @param turns of so many, the first ones, different words are counted: their number grows with a text's length
 */
export function statisticsOf(dialogues: readonly Dialogue[], turns: number) {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const said = utterances(dialogues);
  return {
    dialogues: dialogues.length,
    "turns a dialogue": mean(dialogues.map((one) => one.turns.length)),
    "words a turn": mean(said.map((text) => splitWords(text).length)),
    "facts a persona": mean(dialogues.flatMap(({ personas }) => personas.map(({ facts }) => facts.length))),
    "different words in as many turns": vocabulary(said.slice(0, turns)).size,
  };
}
