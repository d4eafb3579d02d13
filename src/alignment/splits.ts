import { type SelectionRow, type SplitName, splitNames } from "../corpus";
import { Random } from "../random";

/** A row that knows what it may be used for. */
export interface SplitRow extends SelectionRow {
  readonly split: SplitName;
}

/** Rows to train on, to choose by, and to test on. */
export type SelectionSplits = Readonly<Record<SplitName, readonly SplitRow[]>>;

/** Rows of splits, each saying of which one it is. */
export function inSplits(rows: Readonly<Record<SplitName, readonly SelectionRow[]>>): SelectionSplits {
  const of = (split: SplitName) => rows[split].map((row) => ({ ...row, split }));
  return { train: of("train"), valid: of("valid"), test: of("test") };
}

/**
 * Deals rows into splits by whole dialogues, in an order drawn by the seed: a tenth of the rows to choose by, a tenth to test on, at
 * least one dialogue of each.
 *
 * @throws {RangeError} for rows of fewer than three dialogues
 */
export function splitSelections(rows: readonly SelectionRow[], seed: number): SelectionSplits {
  const dialogues = new Map<string, SelectionRow[]>();
  for (const row of rows) {
    const own = dialogues.get(row.dialogue);
    if (own) own.push(row);
    else dialogues.set(row.dialogue, [row]);
  }
  if (dialogues.size < 3)
    throw new RangeError(
      `rows are trained on, chosen by and tested on by whole dialogues: ${dialogues.size} are too few; name the dialogue of each row, or add rows of others`,
    );
  const order = new Random(seed).shuffle([...dialogues.values()]);
  const wanted = rows.length / 10;
  const dealt: Record<SplitName, SelectionRow[]> = { train: [], valid: [], test: [] };
  order.forEach((own, i) => {
    const split = splitNames.find((name) => name !== "train" && dealt[name].length < (i === 0 ? 1 : wanted));
    // The last dialogue is trained on whatever is missing.
    dealt[split === undefined || i === order.length - 1 ? "train" : split].push(...own);
  });
  return inSplits(dealt);
}

/**
 * Rows drawn by the seed, in their order, so that a share of them rest on no fact; fewer where there are not so many of a kind. Most
 * turns of a conversation rest on none: a model that learns on them as they come says "none" of everything.
 */
export function drawBalanced<R extends SelectionRow>(
  rows: readonly R[],
  { count, noneShare, seed }: { readonly count: number; readonly noneShare: number; readonly seed: number },
): R[] {
  const drawn = (keep: (row: R) => boolean, most: number, part: number) => {
    const own = [...rows.keys()].filter((i) => keep(rows[i]!));
    return new Random(seed).fork(part).shuffle(own).slice(0, most);
  };
  const none = Math.round(count * noneShare);
  const chosen = new Set([
    ...drawn(({ label }) => label === null, none, 0),
    ...drawn(({ label }) => label !== null, count - none, 1),
  ]);
  return rows.filter((_, i) => chosen.has(i));
}
