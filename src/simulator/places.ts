import { type DialogueRecord, personaNamed, type PersonaSpec } from "../corpus";
import type { HeldOut } from "../judges";
import type { HistoryTurn } from "../prompts";
import { Random } from "../random";
import { turnCase } from "./judged";

/** What the bounds are called among players: the turns that were written, and those of another persona. */
export const WRITTEN = "written";
export const ANOTHERS = "another persona's";

/** A place of a dialogue where its persona speaks: what was said before, what it says there, and what would be wrong. */
export interface Place {
  /** Names the dialogue: places of one are not independent of each other. */
  readonly dialogue: string;
  readonly persona: PersonaSpec;
  readonly topic: string;
  /** Which turn of the persona it is, from 1. */
  readonly turn: number;
  readonly history: readonly HistoryTurn[];
  /** What was written for the place. */
  readonly written: string;
  /** A weaker answer that was written for it, where there is one. */
  readonly weaker?: string;
  /** What another persona says, where there is one on the same topic and about as late. */
  readonly other: { readonly persona: PersonaSpec; readonly text: string };
}

export interface PlacesOptions {
  /**
   * The most places of a dialogue, drawn.
   * @default all of them
   */
  readonly perDialogue?: number;
  /** @default 13 */
  readonly seed?: number;
}

/**
 * Places where personas speak, with the answer of another persona beside each. The same seed draws the same.
 *
 * @throws {Error} if the records are of one persona, or of one that has no specification
 */
export function placesOf(
  records: readonly DialogueRecord[],
  personas: readonly PersonaSpec[],
  { perDialogue = Infinity, seed = 13 }: PlacesOptions = {},
): Place[] {
  const random = new Random(seed);
  return records.flatMap((record, number) => {
    const { persona_id, topic, turns } = record;
    const persona = personaNamed(persona_id, personas);
    const strangers = records.filter((one) => one.persona_id !== persona_id);
    if (strangers.length === 0)
      throw new Error(
        "places are judged beside another persona's answers, and all dialogues are of one persona",
      );
    const alike = strangers.filter((one) => one.topic === topic);
    const own = random.fork(number);
    const places = ownTurns(record).map((at, i): Place => {
      const stranger = drawn(own, alike.length > 0 ? alike : strangers);
      const theirs = ownTurns(stranger);
      const { content, alternatives: [weaker] = [] } = turns[at]!;
      return {
        dialogue: `${number + 1}: ${persona_id}, ${topic}`,
        persona,
        topic,
        turn: i + 1,
        history: turns.slice(0, at).map(({ role, content }) => ({ role, content })),
        written: content,
        ...(weaker !== undefined && { weaker }),
        other: {
          persona: personaNamed(stranger.persona_id, personas),
          text: stranger.turns[theirs[Math.min(i, theirs.length - 1)]!]!.content,
        },
      };
    });
    if (places.length <= perDialogue) return places;
    return own
      .shuffle(places)
      .slice(0, perDialogue)
      .sort((a, b) => a.turn - b.turn);
  });
}

/** So many places of all, evenly spread over them. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (count >= all.length) return [...all];
  const share = (i: number) => Math.floor((i * count) / all.length);
  return all.filter((_, i) => share(i + 1) > share(i));
}

/** What tells a place from others of the same records. */
export const placeName = ({ dialogue, turn }: Pick<Place, "dialogue" | "turn">) => `${turn} of ${dialogue}`;

/** Places of both lists, those of both once, the first list's first. */
export function together(first: readonly Place[], second: readonly Place[]): Place[] {
  const known = new Set(first.map(placeName));
  return [...first, ...second.filter((place) => !known.has(placeName(place)))];
}

const drawn = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)]!;

/** Where a record's persona speaks. */
const ownTurns = ({ turns }: DialogueRecord) =>
  turns.flatMap(({ role }, at) => (role === "user" ? [at] : []));

/**
 * Places to measure a judge on: what was written is right; wrong is the same answer under another persona, and a weaker answer that
 * was written for the place, or where nobody wrote one, what another persona says.
 */
export function heldOutTurns(places: readonly Place[]): HeldOut {
  const written = places.filter(({ weaker }) => weaker !== undefined).length;
  return {
    places: places.map(({ dialogue, persona, history, written, weaker, other }) => ({
      dialogue,
      right: turnCase(persona, history, written),
      swapped: turnCase(other.persona, history, written),
      contradicted: turnCase(persona, history, weaker ?? other.text),
    })),
    labels:
      "right is what was written for the persona, swapped the same under another persona; in the place of contradictions stand " +
      `${written} weaker answers that were written for the same place, and ${places.length - written} of another persona`,
  };
}
