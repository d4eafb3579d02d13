import type { Random } from "../../random";
import type { Document } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { CausalText } from "./text";

const LENGTHS = { least: 24, most: 127 };
/** How many parts have their tokens in any order. */
const SHUFFLED = 0.6;

/**
 * A part of a dialogue, from one of its turns on, twice; only the second time is learned. In three of five its tokens are in any order:
 * nothing but the first time tells what comes next there.
 */
export function copyingText(
  { tokens, turns }: Document,
  special: PretrainingTokens,
  room: number,
  random: Random,
): CausalText {
  const most = Math.min(LENGTHS.most, Math.floor(room / 2) - 1);
  const length = LENGTHS.least + random.integer(Math.max(1, most - LENGTHS.least + 1));
  const { start } = random.uniform() < 0.5 ? turns[0]! : turns[random.integer(turns.length)]!;
  const plain = tokens.slice(start, start + length);
  const part = random.uniform() < SHUFFLED ? random.shuffle(plain) : plain;
  return { tokens: [...part, special.repeat, ...part, special.eos], given: part.length + 1 };
}
