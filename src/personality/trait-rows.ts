import { type TraitName } from "../corpus";
import type { DescribedPersona } from "./big5";
import { knownTraits, type TraitLevel } from "./traits";
import type { TraitDialogue } from "./twins";

/** What a scorer of one trait learns from or is measured on: a text, what it shows, and what folds keep together. */
export interface TraitRow {
  readonly text: string;
  readonly label: TraitLevel;
  readonly group: string;
}

/** Labels of a trait's scorer, in the order of its probabilities. */
export const traitLabels = ["low", "high"] as const;

/** One row a persona: its description. */
export const describedRows = (personas: readonly DescribedPersona[], trait: TraitName): TraitRow[] =>
  personas.map(({ id, text, traits }) => ({ text, label: traits[trait] as TraitLevel, group: id }));

/** One row for each speaker of whom the trait is known: all that this one says, a turn a line. */
export const spokenRows = (dialogues: readonly TraitDialogue[], trait: TraitName): TraitRow[] =>
  dialogues.flatMap(({ pair, personas, turns }) =>
    personas.flatMap((persona, i) => {
      const known = knownTraits(persona).find((one) => one.trait === trait);
      const said = turns.filter(({ speaker }) => speaker === i + 1).map(({ text }) => text);
      return known && said.length > 0 ? [{ text: said.join("\n"), label: known.level, group: pair }] : [];
    }),
  );
