import { likeliest, type LabelScorer } from "../scorers";
import { inert, shorten } from "../text";
import { type CharacterCurve } from "./character";
import type { PlayerRow } from "./compared";
import type { HeldConversation } from "./conversations";
import { ANOTHERS, WRITTEN, type Place } from "./places";
import { BASE } from "./players";
import type { SaidTurn, ScoredTurn } from "./scored";

/** Whom written turns sound like: shares of a persona's turns (rows) that are named as each persona (columns). */
export async function namedTable(
  scorer: LabelScorer,
  places: readonly Place[],
): Promise<{ columns: string[]; rows: string[]; values: number[][] }> {
  const labels = [...scorer.labels];
  const probabilities = await scorer.probabilities(places.map(({ written }) => written));
  const rows = labels.filter((id) => places.some(({ persona }) => persona.id === id));
  const values = rows.map((id) => {
    const heard = probabilities.filter((_, i) => places[i]!.persona.id === id).map(likeliest);
    return labels.map((_, label) => heard.filter((one) => one === label).length / heard.length);
  });
  return { columns: labels, rows, values };
}

const shownMean = (mean: PlayerRow["means"][string]) =>
  mean === undefined ? "" : `${mean.value.toFixed(2)} [${mean.low.toFixed(2)}, ${mean.high.toFixed(2)}]`;

/** Players as rows of a table: each judge's mean with its interval, words a turn, variety. */
export function playerTable(rows: readonly PlayerRow[]): Record<string, string | number>[] {
  return rows.map(({ player, means, words, distinct2 }) => ({
    player,
    ...Object.fromEntries(Object.entries(means).map(([judge, mean]) => [judge, shownMean(mean)])),
    "words a turn": words,
    "distinct-2": distinct2,
  }));
}

/**
 * Whether a tag does anything to a player, in a sentence: whether its persona is named more often than by chance.
 *
 * @param personas how many there are to name: chance is one of them
 */
export function tagSentence(rows: readonly PlayerRow[], player: string, personas: number): string {
  const row = rows.find((one) => one.player === player);
  const named = row?.means["named"];
  if (!named) throw new Error(`nobody has named the personas of ${player}`);
  const found = `the persona of ${player} is named with a share of ${shownMean(named)}, by chance it would be ${(1 / personas).toFixed(2)}`;
  if (named.low > 1 / personas) return `The tag does something: ${found}.`;
  return `No effect of the tag is shown: ${found}. A training that is too short learns words before it learns whose they are: raise MAX_STEPS.`;
}

/** What kind a player is, for a legend. */
export const playerGroup = (player: string): string =>
  player === WRITTEN || player === ANOTHERS ? "bound" : player === BASE ? "untrained" : "trained";

/** Turns to read, with what stood before them and a judge's score. */
export function turnRows(turns: readonly ScoredTurn[], judge: string): Record<string, string | number>[] {
  return turns.map(({ persona, topic, history, answer, scores }) => ({
    persona: persona.id,
    topic,
    before: shorten(history.at(-1)?.content ?? "(it begins)", SHOWN),
    answer: inert(answer),
    [judge]: scores[judge] ?? "none",
  }));
}

/** Characters of what stood before a turn. */
const SHOWN = 140;

/** What players said in the same places: a row a place. */
export function sideBySide(
  said: readonly SaidTurn[],
  places: readonly Place[],
  players: readonly string[],
): Record<string, string>[] {
  return places.map(({ dialogue, persona, turn, history }) => ({
    persona: persona.id,
    before: shorten(history.at(-1)?.content ?? "(it begins)", SHOWN),
    ...Object.fromEntries(
      players.map((player) => {
        const own = said.find(
          (one) => one.player === player && one.dialogue === dialogue && one.turn === turn,
        );
        if (!own) throw new Error(`${player} said nothing at turn ${turn} of ${dialogue}`);
        return [player, inert(own.answer)];
      }),
    ),
  }));
}

/** Curves as rows: means of early, middle and late turns, and the slope with its interval. */
export function characterRows(
  curves: readonly CharacterCurve[],
  scored: readonly ScoredTurn[],
  judge = "adherence",
): Record<string, string | number>[] {
  return curves.map(({ player, turns, slope }) => {
    const own = scored.filter((one) => one.player === player);
    const mean = (from: number, to: number): number | string => {
      const values = own.flatMap(({ turn, scores }) =>
        turn >= from && turn <= to ? (scores[judge] ?? []) : [],
      );
      return values.length === 0 ? "" : values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    return {
      player,
      turns: turns.length,
      "turns 1–3": mean(1, 3),
      "4–7": mean(4, 7),
      "8 and later": mean(8, Infinity),
      "slope a turn": slope?.value ?? "",
      low: slope?.low ?? "",
      high: slope?.high ?? "",
      verdict:
        slope === undefined ? "" : slope.high < 0 ? "falls" : slope.low > 0 ? "rises" : "no change shown",
    };
  });
}

/** The first conversation of each persona that a player held, turn by turn, with a judge's score beside what the persona said. */
export function readConversations(
  conversations: readonly HeldConversation[],
  player: string,
  scored: readonly ScoredTurn[],
  judge = "adherence",
): Record<string, string | number>[] {
  const own = conversations.filter((one) => one.player === player);
  const ids = [...new Set(own.map(({ persona }) => persona.id))];
  return ids.flatMap((id) => {
    const { dialogue, history, turns, topic } = own.find((one) => one.persona.id === id)!;
    let turn = 0;
    return [...history, ...turns].map(({ role, content }, at) => {
      const isOwn = role === "user" && at >= history.length;
      if (isOwn) turn++;
      const found = isOwn
        ? scored.find((one) => one.player === player && one.dialogue === dialogue && one.turn === turn)
        : undefined;
      return {
        conversation: at === 0 ? `${id}, ${topic}` : "",
        says: role === "user" ? (isOwn ? "persona" : "persona (written)") : "partner",
        text: inert(content),
        [judge]: found?.scores[judge] ?? "",
      };
    });
  });
}
