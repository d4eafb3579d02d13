import type { Dialogue } from "../corpus";
import { says, tellingTurn } from "../metrics";

/** A fact and the turn of its owner that says it. */
export interface FactOfTurn {
  readonly turn: string;
  readonly fact: string;
  /** The dialogue's place in its list. */
  readonly dialogue: number;
}

/**
 * The facts that dialogues say, each with the turn that says most of it, if that says it at all. The rule is one of words (`says`):
 * it finds no turn that says a fact in wholly other words, so that pairs of people's judgement are needed beside it to measure by.
 */
export function factsOfTurns(dialogues: readonly Pick<Dialogue, "personas" | "turns">[]): FactOfTurn[] {
  return dialogues.flatMap(({ personas, turns }, dialogue) =>
    personas.flatMap(({ facts }, i) => {
      const own = turns.filter(({ speaker }) => speaker === i + 1);
      return facts.flatMap((fact) => {
        const turn = tellingTurn(own, fact)?.text;
        return turn !== undefined && says([{ text: turn }], fact) ? [{ turn, fact, dialogue }] : [];
      });
    }),
  );
}
