import { linearRegression } from "simple-statistics";
import { type Figure, lines } from "../figures";
import { bootstrapMean, type BootstrapOptions, type Interval } from "../metrics";
import type { ScoredTurn } from "./scored";

/** How a player's character goes over the turns of conversations. */
export interface CharacterCurve {
  readonly player: string;
  /** The mean of each turn with its interval over conversations, from the first. */
  readonly turns: readonly (Interval & { readonly turn: number })[];
  /** Change a turn: the mean of the conversations' slopes, with its interval; undefined where none has two scored turns. */
  readonly slope: Interval | undefined;
}

/**
 * A judge's scores over the turns of conversations, for each player. A conversation's slope is that of the least-squares line through
 * its scores, and the interval is over conversations, as turns of one are not independent.
 */
export function characterCurves(
  scored: readonly ScoredTurn[],
  judge: string,
  options?: BootstrapOptions,
): CharacterCurve[] {
  return [...new Set(scored.map(({ player }) => player))].map((player) => {
    const own = scored.filter((one) => one.player === player && one.scores[judge] !== undefined);
    const turns = [...new Set(own.map(({ turn }) => turn))].sort((a, b) => a - b);
    const slopes = [...new Set(own.map(({ dialogue }) => dialogue))].flatMap((dialogue) => {
      const points = own
        .filter((one) => one.dialogue === dialogue)
        .map(({ turn, scores }): [number, number] => [turn, scores[judge]!]);
      return points.length < 2 ? [] : [linearRegression(points).m];
    });
    return {
      player,
      turns: turns.map((turn) => ({
        turn,
        ...bootstrapMean(
          own.filter((one) => one.turn === turn).map(({ scores }) => scores[judge]!),
          options,
        ),
      })),
      slope: slopes.length === 0 ? undefined : bootstrapMean(slopes, options),
    };
  });
}

/** The curves with their bands. */
export function characterFigure(
  curves: readonly CharacterCurve[],
  text: { readonly title: string; readonly caption: string; readonly y: string },
): Figure {
  return lines({
    title: text.title,
    caption: text.caption,
    series: curves.map(({ player, turns }) => ({
      name: player,
      x: turns.map(({ turn }) => turn),
      y: turns.map(({ value }) => value),
      low: turns.map(({ low }) => low),
      high: turns.map(({ high }) => high),
    })),
    x: { title: "turn of the persona" },
    y: { title: text.y, range: [0, 1] },
  });
}
