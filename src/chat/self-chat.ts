import type { Persona } from "../corpus";
import { type AnswerOptions, type ChatModel, Conversation } from "./conversation";

/** What is said to the first of two who talk with each other. */
const OPENING = "Hello!";

/**
 * Two personas of one model talk with each other: the first answers a greeting, the second what the first says, and so on. Each hears
 * the other as its user.
 *
 * @param turns how many there are; fewer where one of them says nothing
 */
export async function selfChat(
  model: ChatModel,
  personas: readonly [Persona, Persona],
  turns: number,
  options: AnswerOptions = {},
): Promise<string[]> {
  const speakers = personas.map((persona) => new Conversation(model, persona, options));
  const said: string[] = [];
  for (let heard = OPENING; said.length < turns;) {
    const { text } = await speakers[said.length % 2]!.answer(heard);
    if (text === "") break;
    said.push((heard = text));
  }
  return said;
}

/** Words that are compared. */
const RUN = 4;

/**
 * Whether a talk goes round in circles: in one of its turns at least half of the runs of four words stand in turns before, or
 * earlier in the same turn. Turns of fewer words, as people say them again and again, do not count.
 */
export function goesInCircles(turns: readonly string[]): boolean {
  const seen = new Set<string>();
  return turns.some((turn) => {
    const words = turn.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
    const runs = words.slice(RUN - 1).map((_, i) => words.slice(i, i + RUN).join(" "));
    const again = runs.filter((run) => seen.size === seen.add(run).size).length;
    return runs.length > 0 && again >= runs.length / 2;
  });
}
