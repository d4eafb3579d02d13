import { existsSync } from "node:fs";
import type { PreferenceRow, RowMeta } from "../corpus";
import { type AnsweringModel, type AnsweringSettings, answerRows } from "../experiments";
import { readJson, sha256, sha256File, writeJson, writeJsonLines } from "../io";
import { askedAs, type Tell } from "./answers";
import { answerPrompt, answerTarget, type PromptOptions, saidBy } from "./prompts";
import type { SplitRow } from "./splits";

export interface PairOptions {
  /** The model of stage 1, which gives the answers that are rejected. */
  readonly model: AnsweringModel;
  readonly settings: AnsweringSettings;
  readonly prompts: PromptOptions;
  /** What the prompts of pairs tell: the fact of the label, or the persona alone. */
  readonly tell: Tell;
}

type Pair = PreferenceRow & { readonly meta: RowMeta };

/**
 * Rows as pairs of stage 2: to a prompt with persona and selected fact, what was said is chosen, and what the model of stage 1 says who knows
 * the history alone is rejected. Every row has its own pair, also where several share a prompt.
 *
 * @throws {RangeError} for a row that is not to be trained on
 */
export async function preferencePairs(
  rows: readonly SplitRow[],
  { model, settings, prompts, tell }: PairOptions,
): Promise<Pair[]> {
  const strange = rows.find(({ split }) => split !== "train");
  if (strange)
    throw new RangeError(
      `${strange.id} is of the split ${strange.split}: pairs are made of training rows alone`,
    );
  const asked = rows.map((row) =>
    askedAs(row, answerPrompt(row, "history", prompts), answerTarget(row, prompts.form)),
  );
  const answers = await answerRows(model, asked, settings, "history alone");
  return rows.flatMap((row, i): Pair[] => {
    const rejected = answers[i]!.output.trim();
    if (rejected === "") return [];
    return [
      {
        prompt: answerPrompt(row, tell(row), prompts),
        chosen: answerTarget(row, prompts.form),
        rejected: saidBy(rejected, prompts.form),
        meta: { row: row.id, personas: { assistant: { facts: row.persona }, user: { facts: row.partner } } },
      },
    ];
  });
}

/**
 * The same in a file. One that was made of the same rows, with the same adapter and settings, is left as it is, so that a run that goes on
 * finds its own data.
 */
export async function writePreferencePairs(
  path: string,
  rows: readonly SplitRow[],
  options: PairOptions,
): Promise<{ path: string; isFound: boolean }> {
  const { model, settings, prompts, tell } = options;
  const adapter =
    model.adapter === undefined ? null : await sha256File(`${model.adapter}/adapter_model.safetensors`);
  const of = rows.map((row) => [answerPrompt(row, tell(row), prompts), row.response]);
  const key = sha256(JSON.stringify({ base: model.base.name, adapter, settings, prompts, of }));
  const keyFile = path.replace(/\.jsonl$/, ".json");
  if (existsSync(path) && existsSync(keyFile) && (readJson(keyFile) as { key?: string }).key === key)
    return { path, isFound: true };
  writeJsonLines(path, await preferencePairs(rows, options));
  writeJson(keyFile, { key });
  return { path, isFound: false };
}
