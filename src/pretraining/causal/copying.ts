import type { Random } from "../../random";
import type { Document } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { CausalText } from "./text";

const LENGTHS = { least: 24, most: 127 };

/** A part of a dialogue, from one of its turns on, twice. */
export function copyingText(
  { tokens, turns }: Document,
  special: PretrainingTokens,
  room: number,
  random: Random,
): CausalText {
  const most = Math.min(LENGTHS.most, Math.floor(room / 2) - 1);
  const length = LENGTHS.least + random.integer(Math.max(1, most - LENGTHS.least + 1));
  const { start } = random.uniform() < 0.5 ? turns[0]! : turns[random.integer(turns.length)]!;
  const part = tokens.slice(start, start + length);
  return { tokens: [...part, special.repeat, ...part, special.eos], given: 0 };
}
