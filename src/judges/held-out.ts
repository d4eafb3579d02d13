import { resolve } from "node:path";
import { z } from "zod";
import type { Dialogue, Persona } from "../corpus";
import { readJson, shownPath } from "../io";
import { Random } from "../random";
import { describeIssues } from "../text";
import type { JudgeCase } from "./case";

const fileSchema = z.strictObject({
  madeBy: z.string(),
  licence: z.string(),
  contradictions: z.array(
    z.strictObject({
      dialogue: z.string(),
      turn: z.int().positive(),
      fact: z.string(),
      answer: z.string().trim().min(1),
    }),
  ),
});

/** Contradictions written for turns of the sample's test split. */
export const contradictionsFile = resolve(__dirname, "../../data/judges/contradictions.json");

/** A right answer, and two ways to be wrong in the same place. */
export interface HeldOutPlace {
  readonly dialogue: string;
  /** What was said there by whom it fits. */
  readonly right: JudgeCase;
  /** The same, as if somebody else had said it: with a persona of another dialogue. */
  readonly swapped: JudgeCase;
  /** Against a fact of the persona. */
  readonly contradicted: JudgeCase;
}

export interface HeldOut {
  readonly places: readonly HeldOutPlace[];
  /** Who says what is right and wrong. */
  readonly labels: string;
}

/**
 * Places of dialogues for which a contradiction was written, with what was really said there. Swapped personas are drawn from the
 * other dialogues; the same seed draws the same.
 *
 * @throws {Error} naming the file, if it is none of these dialogues
 */
export function heldOutPlaces(
  dialogues: readonly Dialogue[],
  { path = contradictionsFile, seed = 13 }: { readonly path?: string; readonly seed?: number } = {},
): HeldOut {
  const refuse = (why: string): never => {
    throw new Error(`${shownPath(path)} holds no contradictions of these dialogues: ${why}`);
  };
  const value = readJson(path);
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success)
    return refuse(describeIssues(parsed.error, value, Object.keys(fileSchema.shape)).join("; "));
  const { contradictions, madeBy } = parsed.data;
  const random = new Random(seed);
  const places = contradictions.map(({ dialogue: id, turn: at, fact, answer }): HeldOutPlace => {
    const dialogue = dialogues.find((one) => one.id === id) ?? refuse(`there is no dialogue ${id}`);
    const turn = dialogue.turns[at] ?? refuse(`${id} has no turn ${at}`);
    const speaker = turn.speaker;
    const persona = dialogue.personas[speaker - 1]!;
    if (!persona.facts.includes(fact)) refuse(`who says turn ${at} of ${id} has no fact "${fact}"`);
    const strangers = dialogues.filter((one) => one.id !== id);
    if (strangers.length === 0) refuse("there is no other dialogue to swap personas with");
    const stranger: Persona = strangers[random.integer(strangers.length)]!.personas[random.integer(2)]!;
    const place = {
      other: dialogue.personas[2 - speaker]!,
      history: dialogue.turns.slice(0, at).map(({ speaker: by, text }) => ({
        by: by === speaker ? ("self" as const) : ("other" as const),
        text,
      })),
    };
    return {
      dialogue: id,
      right: { persona, ...place, answer: turn.text },
      swapped: { persona: stranger, ...place, answer: turn.text },
      contradicted: { persona, ...place, answer },
    };
  });
  return {
    places,
    labels:
      `right is what was said in the dialogues, which were written for this project with a language model; swapped personas are drawn at ` +
      `random; contradictions were ${madeBy}`,
  };
}
