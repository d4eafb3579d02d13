import type { Example } from "../batches";

/**
 * Puts rows of a causal model together into rows of at most `capacity` tokens, by best fit decreasing: the longest first, each into
 * the row with the least room that it fits into, of equal ones into the one that has waited longest (as TRL's `pack_dataset`
 * with the strategy `bfd`). Sequences of a row do not see each other, and each counts its positions from 0.
 *
 * @param examples rows whose labels stand at their own tokens
 * @throws {RangeError} if one is longer than `capacity`
 */
export function packExamples(examples: readonly Example[], capacity: number): Example[] {
  const order = [...examples.keys()].sort(
    (a, b) => examples[b]!.inputIds.length - examples[a]!.inputIds.length || a - b,
  );
  const packed: Example[][] = [];
  /** By how much room they have: the rows that wait for more. */
  const waiting = Array.from({ length: capacity + 1 }, (): number[] => []);
  for (const at of order) {
    const example = examples[at]!;
    const { length } = example.inputIds;
    if (length > capacity)
      throw new RangeError(`a row of ${length} tokens does not fit into one of ${capacity}`);
    let room = length;
    while (room < capacity && waiting[room]!.length === 0) room++;
    const row = room < capacity ? waiting[room]!.shift()! : packed.push([]) - 1;
    packed[row]!.push(example);
    waiting[room - length]!.push(row);
  }
  return packed.map(joined);
}

/** Several rows as one. A sequence's first token has no label: nothing is before it. */
function joined(rows: readonly Example[]): Example {
  return {
    inputIds: rows.flatMap(({ inputIds }) => inputIds),
    labels: rows.flatMap(({ labels }) => labels),
    ...(rows.length > 1 && { sequenceLengths: rows.map(({ inputIds }) => inputIds.length) }),
  };
}
