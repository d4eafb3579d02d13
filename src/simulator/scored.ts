import type { PersonaSpec } from "../corpus";
import { startProgress } from "../display";
import { isVerdictScored, type Judge } from "../judges";
import type { HistoryTurn } from "../prompts";
import type { HeldConversation } from "./conversations";
import { turnCase } from "./judged";
import { ANOTHERS, type Place, placeName, WRITTEN } from "./places";
import type { Players } from "./players";

/** A turn of a persona, whoever it is from. */
export interface SaidTurn {
  /** Who spoke: a player, or whoever wrote it. */
  readonly player: string;
  /** Turns of one dialogue are not independent of each other. */
  readonly dialogue: string;
  readonly persona: PersonaSpec;
  readonly topic: string;
  /** Which turn of the persona it is, from 1. */
  readonly turn: number;
  readonly history: readonly HistoryTurn[];
  readonly answer: string;
}

/** A turn with the scores of judges, moved to 0–1; undefined where a judge could not tell. */
export interface ScoredTurn extends SaidTurn {
  readonly scores: Readonly<Record<string, number | undefined>>;
}

/** Answers in places, one each. */
export function turnsAt(player: string, places: readonly Place[], answers: readonly string[]): SaidTurn[] {
  return places.map(({ dialogue, persona, topic, turn, history }, i) => ({
    ...{ player, dialogue, persona, topic, turn, history },
    answer: answers[i]!,
  }));
}

/** What every player says in the same places, and the bounds: what another persona says there, and what was written. */
export async function answersAt(
  players: Pick<Players, "say" | "names">,
  places: readonly Place[],
  seed: number,
): Promise<SaidTurn[]> {
  const said: SaidTurn[] = [];
  for (const player of players.names)
    said.push(...turnsAt(player, places, await players.say(player, places, seed)));
  return [
    ...said,
    ...turnsAt(
      ANOTHERS,
      places,
      places.map(({ other }) => other.text),
    ),
    ...turnsAt(
      WRITTEN,
      places,
      places.map(({ written }) => written),
    ),
  ];
}

/** Of what was said in places, that in some of them. */
export function saidAt(said: readonly SaidTurn[], places: readonly Place[]): SaidTurn[] {
  const wanted = new Set(places.map(placeName));
  return said.filter((turn) => wanted.has(placeName(turn)));
}

/** What the persona said in conversations, turn by turn. */
export function turnsOf(conversations: readonly HeldConversation[]): SaidTurn[] {
  return conversations.flatMap(({ player, dialogue, persona, topic, history, turns }) =>
    turns.flatMap(({ role, content }, at): SaidTurn[] => {
      if (role !== "user") return [];
      const before = [...history, ...turns.slice(0, at)];
      const turn = turns.slice(0, at + 1).filter((one) => one.role === "user").length;
      return [{ player, dialogue, persona, topic, turn, history: before, answer: content }];
    }),
  );
}

/** Judges by what tables call them. */
export type NamedJudges = Readonly<Record<string, Judge>>;

/** Has judges score turns, each s moved from its judge's scale to (s − low) / (high − low). */
export async function scoreTurns(judges: NamedJudges, turns: readonly SaidTurn[]): Promise<ScoredTurn[]> {
  const progress = startProgress("Judging", turns.length, { unit: "turns" });
  const scored: ScoredTurn[] = [];
  for (const turn of turns) {
    // One case for all, so that judges which look at the same thing look once.
    const one = turnCase(turn.persona, turn.history, turn.answer);
    const scores: Record<string, number | undefined> = {};
    for (const [name, judge] of Object.entries(judges)) {
      const verdict = await judge.judge(one);
      const [low, high] = judge.scale;
      scores[name] = isVerdictScored(verdict) ? (verdict.score - low) / (high - low) : undefined;
    }
    scored.push({ ...turn, scores });
    progress.advance(1);
  }
  progress.finish();
  return scored;
}
