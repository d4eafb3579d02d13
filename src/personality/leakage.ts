import type { Dialogue } from "../corpus";
import {
  bootstrapInterval,
  type BootstrapOptions,
  type Interval,
  isFirstPerson,
  ratioMetric,
  says,
} from "../metrics";

/** A turn in which a speaker says something that is true of the other one, who has not said it yet. */
export interface LeakedTurn {
  /** Which turn, from 0. */
  readonly at: number;
  readonly speaker: 1 | 2;
  /** The other one's fact. */
  readonly fact: string;
}

type Talked = Pick<Dialogue, "personas" | "turns">;

/**
 * Whose facts are said: a turn leaks where its speaker, speaking of themselves, says a fact of the other one (at least half of its content
 * words, see `says`) that the other has not said before and that none of the speaker's own facts says: as if it were one's own, or as
 * something that one cannot know yet. A writer who has both personas before him can do that; somebody who knows only their own can by
 * chance alone.
 */
export function leakedTurns({ personas, turns }: Talked): LeakedTurn[] {
  return turns.flatMap((turn, at): LeakedTurn[] => {
    if (!isFirstPerson(turn.text)) return [];
    const own = personas[turn.speaker - 1]!.facts.map((text) => ({ text }));
    const before = turns.slice(0, at).filter(({ speaker }) => speaker !== turn.speaker);
    const fact = personas[2 - turn.speaker]!.facts.find(
      (one) => says([turn], one) && !says(own, one) && !before.some((told) => says([told], one)),
    );
    return fact === undefined ? [] : [{ at, speaker: turn.speaker, fact }];
  });
}

/** The share of turns about the speaker that leak, with its interval over dialogues, and the share of a persona's facts that are said. */
export interface Leakage {
  readonly dialogues: number;
  readonly leaking: Interval;
  /** Facts that their owner says, of all facts. */
  readonly factsSaid: Interval;
}

/** {@link leakedTurns} over dialogues. */
export function leakage(dialogues: readonly Talked[], bootstrap?: BootstrapOptions): Leakage {
  const leaking = dialogues.map(
    (one) => [leakedTurns(one).length, one.turns.filter(({ text }) => isFirstPerson(text)).length] as const,
  );
  const said = dialogues.map(({ personas, turns }) => {
    const facts = personas.flatMap(({ facts }, i) =>
      facts.map((fact) => ({ fact, own: turns.filter(({ speaker }) => speaker === i + 1) })),
    );
    return [
      facts.filter(({ fact, own }) => own.some((turn) => says([turn], fact))).length,
      facts.length,
    ] as const;
  });
  return {
    dialogues: dialogues.length,
    leaking: bootstrapInterval(ratioMetric(leaking), bootstrap),
    factsSaid: bootstrapInterval(ratioMetric(said), bootstrap),
  };
}
