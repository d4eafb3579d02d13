import type { Random } from "../../random";
import type { Document, TurnTokens } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { CausalText } from "./text";

/**
 * A dialogue as it stands in the corpus or, every second time, as a chat, in which each turn is ended by a token of its own. Of one
 * that is longer than `room` its beginning or its end.
 */
export function dialogueText(
  document: Document,
  special: PretrainingTokens,
  room: number,
  random: Random,
): CausalText {
  const ends = random.uniform() < 0.5 ? [special.endOfTurn] : [];
  const turns = document.turns.map(({ start, end }) => [...document.tokens.slice(start, end), ...ends]);
  return { tokens: fittingTurns(turns, special.eos, room, random), given: 0 };
}

/**
 * A chat with one of the two, of whom a system message tells: what {@link PersonaTokens.instruction} says, or the facts alone in any
 * order. The other is "User 1", the one who answers "User 2", whoever they are in the corpus.
 */
export function personaChatText(
  document: Document,
  special: PretrainingTokens,
  room: number,
  random: Random,
): CausalText {
  const speaker = random.uniform() < 0.5 ? 1 : 2;
  const { facts, instruction } = document.personas[speaker - 1]!;
  const told = random.uniform() < 0.5 ? instruction : random.shuffle(facts).flat();
  const before = told.length === 0 ? [] : [special.system, ...told, special.endOfTurn];
  const labels = chatLabels(document);
  const turns = document.turns.map((turn) => [
    ...labels[turn.speaker === speaker ? "assistant" : "user"],
    ...document.tokens.slice(turn.said, turn.end),
    special.endOfTurn,
  ]);
  const said = fittingTurns(turns, special.eos, room - before.length, random);
  return { tokens: [...before, ...said], given: before.length };
}

/** The labels of the two speakers of a document, as those of a chat. */
function chatLabels({ tokens, turns }: Document) {
  const of = (speaker: TurnTokens["speaker"]) => {
    const turn = turns.find((turn) => turn.speaker === speaker);
    return turn ? tokens.slice(turn.start, turn.said) : [];
  };
  return { user: of(1), assistant: of(2) };
}

/** Turns with the end of the text; where they do not fit, their beginning, or the last of them that fit. */
function fittingTurns(
  turns: readonly (readonly number[])[],
  eos: number,
  room: number,
  random: Random,
): number[] {
  const whole = [...turns.flat(), eos];
  if (whole.length <= room) return whole;
  if (random.uniform() < 0.5) return whole.slice(0, Math.max(0, room));
  let from = 0;
  for (let left = whole.length; left > room && from < turns.length; from++) left -= turns[from]!.length;
  return from < turns.length ? [...turns.slice(from).flat(), eos] : whole.slice(0, Math.max(0, room));
}
