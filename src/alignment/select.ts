import type { Selection, SelectionRow } from "../corpus";
import { type AnsweringModel, answeringSettings, answerRows, referenceLikelihoods } from "../experiments";
import { askedAs } from "./answers";
import { type PromptOptions, readSelection, selectionPrompt, selectionTarget } from "./prompts";

/** Ways to select: what the model says, step by step or by beams, or which line is the likeliest. */
export const selectors = ["greedy", "beam", "likelihood"] as const;
export type Selector = (typeof selectors)[number];

export interface SelectOptions extends PromptOptions {
  readonly by: Selector;
  /**
   * Beams of `"beam"`.
   * @default 3
   */
  readonly beams?: number;
  /**
   * Tokens of what is said, at most; the number stands at its beginning.
   * @default 12
   */
  readonly maxNewTokens?: number;
}

/** What was selected for a row. */
export interface Selected {
  readonly selected: Selection;
  /** What the model said; undefined where it was not asked to say something. */
  readonly said?: string;
  /** Whether what it said names no fact, so that the likeliest line was taken. */
  readonly isUnreadable: boolean;
}

/**
 * Which fact of each row a model selects for its next answer. Said selections are read by {@link readSelection}; where that finds no fact
 * of the row, the likeliest line is taken. The likelihood of a line is
 *
 *     1/|y| Σ log p(y_t | prompt, y_<t)
 *
 * over the tokens of number and fact (or of "no fact"), the one that ends them included; without the mean long facts would never win.
 *
 * A row without facts has nothing to select: none. Selections by the row's id.
 */
export async function selectFacts(
  model: AnsweringModel,
  rows: readonly SelectionRow[],
  options: SelectOptions,
): Promise<Map<string, Selected>> {
  const asked = rows.filter(({ persona }) => persona.length > 0);
  const said =
    options.by === "likelihood" || asked.length === 0
      ? undefined
      : await saidSelections(model, asked, options);
  const read = asked.map(({ persona }, i) =>
    said === undefined ? undefined : readSelection(said[i]!, persona),
  );
  const open = asked.filter((_, i) => read[i] === undefined);
  const likeliest = await likeliestLines(model, open, options);
  const instead = new Map(open.map(({ id }, i) => [id, likeliest[i]!]));
  const found = new Map(
    asked.map(({ id }, i): [string, Selected] => {
      const own = read[i];
      return [
        id,
        {
          selected: own === undefined ? instead.get(id)! : own,
          ...(said && { said: said[i]! }),
          isUnreadable: said !== undefined && own === undefined,
        },
      ];
    }),
  );
  return new Map(rows.map(({ id }) => [id, found.get(id) ?? { selected: null, isUnreadable: false }]));
}

/** Selections alone, for prompts. */
export const selections = (found: ReadonlyMap<string, Selected>): Map<string, Selection> =>
  new Map([...found].map(([id, { selected }]) => [id, selected]));

async function saidSelections(
  model: AnsweringModel,
  rows: readonly SelectionRow[],
  { by, beams = 3, maxNewTokens = 12, ...prompts }: SelectOptions,
): Promise<string[]> {
  const settings = answeringSettings({ maxNewTokens, numBeams: by === "beam" ? beams : 1 });
  const asked = rows.map((row) =>
    askedAs(row, selectionPrompt(row, prompts), selectionTarget(row, null, prompts.form)),
  );
  return (await answerRows(model, asked, settings, "selecting")).map(({ output }) => output);
}

async function likeliestLines(
  model: AnsweringModel,
  rows: readonly SelectionRow[],
  prompts: PromptOptions,
): Promise<Selection[]> {
  if (rows.length === 0) return [];
  const lines = rows.map(({ persona }): Selection[] => [null, ...persona.keys()]);
  const asked = rows.flatMap((row, i) =>
    lines[i]!.map((line) =>
      askedAs(row, selectionPrompt(row, prompts), selectionTarget(row, line, prompts.form)),
    ),
  );
  const likelihoods = await referenceLikelihoods(model, asked);
  let at = 0;
  return lines.map((own) => {
    const surprise = own.map(() => likelihoods[at++]!).map(({ nats, tokens }) => nats / tokens);
    return own[surprise.indexOf(Math.min(...surprise))]!;
  });
}
