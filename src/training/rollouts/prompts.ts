import { Random } from "../../random";

/** A prompt that policies answer. */
export interface PromptRow {
  /** Its tokens, at least one. */
  readonly ids: readonly number[];
  /** As a reward reads it. */
  readonly text: string;
  /** What else its row says, for rewards. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/**
 * Which of `size` prompts an iteration takes: one after the other through all of them in an order drawn anew each time. A function
 * of its arguments alone.
 */
export function promptsOf(iteration: number, size: number, perIteration: number, seed: number): number[] {
  const orders = new Map<number, number[]>();
  const order = (epoch: number) => {
    const known = orders.get(epoch);
    if (known) return known;
    const drawn = new Random(seed).fork(epoch).shuffle([...Array(size).keys()]);
    orders.set(epoch, drawn);
    return drawn;
  };
  return Array.from({ length: perIteration }, (_, i) => {
    const place = iteration * perIteration + i;
    return order(Math.floor(place / size))[place % size]!;
  });
}
