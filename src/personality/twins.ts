import { z } from "zod";
import {
  type Dialogue,
  JsonlError,
  parseJsonLines,
  type Persona,
  readDialogues,
  readJsonlFile,
  traitNames,
  type TraitName,
  type Turn,
} from "../corpus";
import { describeIssues } from "../text";
import { knownTraits, traitLetters, type TraitLetter } from "./traits";

/** How a dialogue was written: with regard to its personas' traits, or without. */
export const dialogueForms = ["traits", "plain"] as const;
export type DialogueForm = (typeof dialogueForms)[number];

/** A dialogue of which it is known how it was written, and with which others it shares its personas. */
export interface TraitDialogue extends Dialogue {
  readonly form: DialogueForm;
  /** The name that twins share: dialogues of the same personas, one of each form. */
  readonly pair: string;
}

const said = z.string().trim().min(1);
const level = z.enum(["high", "low", "none"]);
const letters = Object.keys(traitLetters) as TraitLetter[];
const persona = z.strictObject({
  facts: z.array(said),
  traits: z.strictObject(
    Object.fromEntries(letters.map((letter) => [letter, level])) as Record<TraitLetter, typeof level>,
  ),
});
const line = z.strictObject({
  id: said,
  form: z.enum(dialogueForms),
  personas: z.tuple([persona, persona]),
  turns: z.array(said).min(2),
});

/**
 * Reads dialogues with traits from a JSONL file, a dialogue a line:
 *
 *     {"id": "p001", "form": "traits", "personas": [{"facts": ["I sail."], "traits": {"O": "high", "C": "none", "E": "low", "A": "none", "N": "none"}}, {…}], "turns": ["Hi!", …]}
 *
 * Two personas speak in turn, the first one first. `form` says whether the dialogue was written with regard to the traits (`traits`) or
 * without (`plain`); twins have one id and the same personas. Read, their ids are `p001 traits` and `p001 plain`, and a trait that is
 * `none` is left out.
 *
 * A file whose first line has no `form` is read as dialogues of the project's own form (`docs/dialogues.md`): those are written with regard to traits whose personas
 * have any, and none has a twin.
 *
 * @throws {JsonlError} naming line, field and remedy: also where two lines of one id have the same form, or other personas
 */
export function readTraitDialogues(path: string): TraitDialogue[] {
  const [first] = parseJsonLines(readJsonlFile(path), path, "dialogue");
  if (typeof first?.value === "object" && first.value !== null && !("form" in first.value))
    return readDialogues(path).map((dialogue) => ({
      ...dialogue,
      form: dialogue.personas.some((persona) => knownTraits(persona).length > 0) ? "traits" : "plain",
      pair: dialogue.id,
    }));
  const found: TraitDialogue[] = [];
  const seen = new Map<string, { readonly at: number; readonly personas: string }>();
  for (const { value, line: at } of parseJsonLines(readJsonlFile(path), path, "dialogue")) {
    const parsed = line.safeParse(value);
    if (!parsed.success) {
      const problems = describeIssues(parsed.error, value, Object.keys(line.shape));
      throw new JsonlError(path, at, `no dialogue with traits: ${problems.join("; ")}`);
    }
    const { id, form, personas, turns } = parsed.data;
    const name = `${id} ${form}`;
    const earlier = seen.get(name);
    if (earlier)
      throw new JsonlError(
        path,
        at,
        `id: line ${earlier.at} is the dialogue ${JSON.stringify(id)} of form ${form} already; give this one another id`,
      );
    const said = JSON.stringify(personas);
    const twin = dialogueForms
      .map((other) => seen.get(`${id} ${other}`))
      .find((other) => other !== undefined);
    if (twin && twin.personas !== said)
      throw new JsonlError(
        path,
        at,
        `personas: line ${twin.at} has the same id and other personas; twins have the same facts and traits`,
      );
    seen.set(name, { at, personas: said });
    found.push({
      id: name,
      form,
      pair: id,
      personas: personas.map(asPersona) as unknown as Dialogue["personas"],
      turns: turns.map((text, i): Turn => ({ speaker: i % 2 === 0 ? 1 : 2, text })),
    });
  }
  if (found.length === 0) throw new JsonlError(path, 1, "the file has no line with a dialogue");
  return found;
}

function asPersona({ facts, traits }: z.output<typeof persona>): Persona {
  const known = letters.flatMap((letter): [TraitName, "high" | "low"][] => {
    const value = traits[letter];
    return value === "none" ? [] : [[traitLetters[letter], value]];
  });
  known.sort(([a], [b]) => traitNames.indexOf(a) - traitNames.indexOf(b));
  return { facts, ...(known.length > 0 && { traits: Object.fromEntries(known) }) };
}
