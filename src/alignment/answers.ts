import type { Selection, SelectionRow } from "../corpus";
import { type Asked, untrainedIdentity, type Variant } from "../evaluation";
import { type AnsweringModel, type AnsweringSettings, answeringVariant, type AskedRow } from "../experiments";
import { type Cost, costOf } from "./cost";
import type { SplitRow } from "./splits";
import { answerPrompt, answerTarget, type PromptOptions, type Told } from "./prompts";

/** A row as a case of an evaluation: User 2 answers, and the response is the reference. */
export interface AskedTurn extends Asked {
  readonly row: SelectionRow;
}

/** Rows as cases. */
export const askedTurns = (rows: readonly SplitRow[]): AskedTurn[] =>
  rows.map((row) => ({ ...aboutOf(row), row }));

const aboutOf = ({ id, persona, partner, response, split }: SelectionRow & { readonly split?: string }) => ({
  id,
  split: split ?? "rows",
  personas: [{ facts: partner }, { facts: persona }] as const,
  text: response,
  speaker: 2 as const,
});

/** A row with a prompt and what is answered to it, as a model is asked. */
export const askedAs = (
  row: SelectionRow,
  prompt: AskedRow["prompt"],
  completion: AskedRow["completion"],
): AskedRow => ({ ...aboutOf(row), prompt, completion });

/** What prompts tell of who answers, row by row. */
export type Tell = (row: SelectionRow) => Told;

/** Nothing, or the persona alone. */
export const tellHistory: Tell = () => "history";
export const tellPersona: Tell = () => "persona";

/** The persona and the fact that a row's label names. */
export const tellGold: Tell = ({ id, label }) => {
  if (label === undefined) throw new RangeError(`${id} has no label: which fact it rests on is not known`);
  return { selected: label };
};

/** The persona and the fact that was selected for a row, whatever its label is. */
export const tellSelected =
  (selected: ReadonlyMap<string, Selection>): Tell =>
  ({ id }) => {
    const found = selected.get(id);
    if (found === undefined) throw new RangeError(`nothing was selected for ${id}`);
    return { selected: found };
  };

/**
 * A model that answers rows with prompts that tell what `tell` says, and how likely the responses are to it then.
 *
 * @param settings how answers are made; `prompts` how their prompts are written
 */
export function alignedVariant(
  name: string,
  model: AnsweringModel,
  tell: Tell,
  { settings, prompts }: { readonly settings: AnsweringSettings; readonly prompts: PromptOptions },
): Variant<AskedTurn> {
  const inner = answeringVariant(name, model, settings);
  return {
    ...inner,
    settings: { ...inner.settings, ...prompts },
    generate: (asked) =>
      inner.generate(
        asked.map(({ row }) =>
          askedAs(row, answerPrompt(row, tell(row), prompts), answerTarget(row, prompts.form)),
        ),
      ),
  };
}

/** A variant of which `note` is told what answering took. */
export const costedVariant = <V extends Variant<AskedTurn>>(
  variant: V,
  note: (name: string, cost: Cost) => void,
): V => ({
  ...variant,
  async generate(asked: readonly AskedTurn[]) {
    const { value, cost } = await costOf(() => variant.generate(asked));
    note(variant.name, cost);
    return value;
  },
});

/** The model that an adapter stands on. */
export function withoutAdapter({ adapter: _, ...model }: AnsweringModel): AnsweringModel {
  return model;
}

/** A bound: what was really said. */
export const realAnswers = (): Variant<AskedTurn> => givenVariant("reference", ({ response }) => response);

/** A bound: what is said in another dialogue of these rows, at about the same place in their order. */
export function othersAnswers(rows: readonly SelectionRow[]): Variant<AskedTurn> {
  const place = new Map(rows.map(({ id }, i) => [id, i]));
  return givenVariant("somebody else's answer", ({ id, dialogue, response }) => {
    const from = place.get(id) ?? 0;
    const order = [...rows.keys()].map((step) => rows[(from + 1 + step) % rows.length]!);
    return order.find((other) => other.dialogue !== dialogue)?.response ?? response;
  });
}

const givenVariant = (name: string, answer: (row: SelectionRow) => string): Variant<AskedTurn> => ({
  name,
  identity: untrainedIdentity("bound", name),
  settings: {},
  generate: (asked) => asked.map(({ row }) => ({ input: "", output: answer(row) })),
});
