/** What is scored: a text, or two that are read together (a premise and a hypothesis, a prompt and its answer). */
export type ScoredText = string | readonly [first: string, second: string];

/** Says which label a text has, or two texts together. */
export interface LabelScorer {
  readonly kind: "labels";
  /** What sentences and reports call it. */
  readonly name: string;
  readonly labels: readonly string[];
  /** What it is given, by name: `["premise", "hypothesis"]`. */
  readonly reads: readonly string[];
  /** The probability of each label, in their order, for each text. */
  probabilities(texts: readonly ScoredText[]): Promise<number[][]>;
  /** What identifies it, to the last bit. */
  readonly fingerprint: unknown;
  close(): Promise<void>;
}

/** Says how good a text is, by a number that means something beside another of its kind alone. */
export interface RewardScorer {
  readonly kind: "reward";
  readonly name: string;
  readonly reads: readonly string[];
  rewards(texts: readonly ScoredText[]): Promise<number[]>;
  readonly fingerprint: unknown;
  close(): Promise<void>;
}

export type Scorer = LabelScorer | RewardScorer;

/** The index of the largest of a row; the first of equal ones. */
export const likeliest = (probabilities: readonly number[]): number =>
  probabilities.reduce((best, value, i) => (value > probabilities[best]! ? i : best), 0);

/**
 * Throws unless each text is as a scorer reads it.
 *
 * @throws {RangeError} naming the first that is not
 */
export function checkTexts(
  { name, reads }: Pick<Scorer, "name" | "reads">,
  texts: readonly ScoredText[],
): void {
  const wanted = reads.length === 2 ? `two texts (${reads.join(", ")})` : `one text (${reads.join(", ")})`;
  for (const [i, text] of texts.entries()) {
    const parts = typeof text === "string" ? [text] : text;
    if (parts.length !== reads.length)
      throw new RangeError(`${name} reads ${wanted}, but text ${i + 1} has ${parts.length}`);
    const empty = parts.findIndex((part) => part.trim() === "");
    if (empty >= 0) throw new RangeError(`${name}: the ${reads[empty]!} of text ${i + 1} is empty`);
  }
}

/** Softmax of logits, in double precision. */
export function softmax(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  const top = Math.max(...all);
  const powers = all.map((x) => Math.exp(x - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}
