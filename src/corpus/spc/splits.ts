import { Random } from "../../random";
import { type SpcRow, splitNames, type Splits } from "./types";

/** The proposal's shares of a random split. */
export const proposalShares = { train: 8, valid: 1, test: 1 } as const;

/**
 * Shuffles rows by `seed` and cuts them in the proportions of `shares`: ⌊n·valid/sum⌋ and ⌊n·test/sum⌋
 * rows go to valid and test, the rest to train. Unlike the official splits, this lets personas occur on both
 * sides: compare {@link splitOverlap}.
 */
export function randomSplits(
  rows: readonly SpcRow[],
  seed: number,
  shares: Readonly<Record<"train" | "valid" | "test", number>> = proposalShares,
): Splits {
  const sum = shares.train + shares.valid + shares.test;
  const size = (share: number) => Math.floor((rows.length * share) / sum);
  const valid = size(shares.valid);
  const test = size(shares.test);
  const train = rows.length - valid - test;
  const shuffled = new Random(seed).shuffle(rows);
  return relabel({
    train: shuffled.slice(0, train),
    valid: shuffled.slice(train, train + valid),
    test: shuffled.slice(train + valid),
  });
}

/**
 * Draws `nTrain`, `nVal` and `nTest` conversations at random from the respective splits, without replacement. With the
 * same seed a smaller draw is the beginning of a larger one.
 *
 * @throws {RangeError} if a split has fewer conversations than asked for
 */
export function buildSmallSplits(
  splits: Splits,
  nTrain: number,
  nVal: number,
  nTest: number,
  seed = 13,
): Splits {
  const wanted = { train: nTrain, valid: nVal, test: nTest };
  const drawn = {} as Splits;
  for (const name of splitNames) {
    const available = splits[name].length;
    if (!Number.isInteger(wanted[name]) || wanted[name] < 0 || wanted[name] > available) {
      throw new RangeError(`${name}: ${wanted[name]} conversations asked for, 0 to ${available} can be had`);
    }
    drawn[name] = new Random(seed).shuffle(splits[name]).slice(0, wanted[name]);
  }
  return drawn;
}

function relabel(splits: Splits): Splits {
  for (const name of splitNames) {
    splits[name] = splits[name].map((row) => ({ ...row, split: name }));
  }
  return splits;
}
