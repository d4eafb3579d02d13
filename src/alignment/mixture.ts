import type { CompletionRow, RowMeta } from "../corpus";
import {
  type AlignmentTask,
  answerPrompt,
  answerTarget,
  type PromptOptions,
  selectionPrompt,
  selectionTarget,
} from "./prompts";
import type { SplitRow } from "./splits";
import { tellGold } from "./answers";

export interface MixtureOptions extends PromptOptions {
  /**
   * Which rows are answered with their persona: those that rest on a fact, as PAL's paper has it, or all, as its released code, whose
   * filter compares with a text that never occurs.
   * @default "paper"
   */
  readonly filter?: "paper" | "released";
}

type TaskRow = CompletionRow & { readonly meta: RowMeta & { readonly task: AlignmentTask } };

/**
 * Rows of stage 1, a task in each one's `meta.task`:
 *
 *     select      persona, history → the fact that the response rests on, or that there is none; every row
 *     grounded    persona, history and that fact → the response; rows that rest on one
 *     ungrounded  history → the response; rows that rest on none, so that nothing is made up
 *
 * @throws {RangeError} for a row without a label
 */
export function mixtureRows(
  rows: readonly (SplitRow & { readonly label?: number | null })[],
  { filter = "paper", ...prompts }: MixtureOptions,
): TaskRow[] {
  return rows.flatMap((row): TaskRow[] => {
    const told = tellGold(row);
    const label = row.label!;
    const of = (
      task: AlignmentTask,
      prompt: CompletionRow["prompt"],
      completion: CompletionRow["completion"],
    ) => ({
      prompt,
      completion,
      meta: { task, row: row.id },
    });
    const answer = answerTarget(row, prompts.form);
    return [
      ...(row.persona.length > 0
        ? [of("select", selectionPrompt(row, prompts), selectionTarget(row, label, prompts.form))]
        : []),
      ...(label !== null || (filter === "released" && row.persona.length > 0)
        ? [of("grounded", answerPrompt(row, told, prompts), answer)]
        : []),
      ...(label === null ? [of("ungrounded", answerPrompt(row, "history", prompts), answer)] : []),
    ];
  });
}

/** Rows of plain fine-tuning: persona and history → the response. */
export const answerRowsOf = (rows: readonly SplitRow[], prompts: PromptOptions): CompletionRow[] =>
  rows.map((row) => ({
    prompt: answerPrompt(row, "persona", prompts),
    completion: answerTarget(row, prompts.form),
  }));
