import { Random } from "../random";

/**
 * A mixture of two lists of one length: of each place one of the two, a share `ratio` of the places (rounded) from the second. With
 * twins side by side a mixture has all personas, each once; a larger ratio has what a smaller one has from the second, and more.
 *
 * @throws {RangeError} if the lists are not of one length, or the ratio is not from 0 to 1
 */
export function mixture<T>(first: readonly T[], second: readonly T[], ratio: number, seed: number): T[] {
  if (first.length !== second.length)
    throw new RangeError(`a mixture is of lists of one length, not ${first.length} and ${second.length}`);
  if (!(ratio >= 0 && ratio <= 1))
    throw new RangeError(`a mixture's ratio is a number from 0 to 1, not ${ratio}`);
  const places = new Random(seed).shuffle(first.map((_, i) => i));
  const chosen = new Set(places.slice(0, Math.round(ratio * places.length)));
  return first.map((one, i) => (chosen.has(i) ? second[i]! : one));
}

/**
 * The same items with what is taken from each given to another: nothing keeps its own where there are two or more. For labels that must
 * mean nothing.
 */
export function shuffledAmong<T, V>(
  items: readonly T[],
  take: (item: T) => V,
  give: (item: T, value: V) => T,
  seed: number,
): T[] {
  const order = new Random(seed).shuffle(items.map((_, i) => i));
  const from = new Map(order.map((at, i) => [at, order[(i + 1) % order.length]!]));
  return items.map((item, i) => give(item, take(items[from.get(i)!]!)));
}
