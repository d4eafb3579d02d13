import type { Random } from "../random";
import type { Document } from "./documents";

/** A word that occurs more often than this is learned anyhow, and is not swapped. */
const MOST_OFTEN = 1500;
const SHORTEST = 4;

/** Tokens of a text word by word: `swappable` are words in small letters, the rest is handed on as it is. */
interface Piece {
  readonly ids: readonly number[];
  readonly swappable: boolean;
}

/**
 * The words of a corpus as the tokens that spell them, to put one in another's place: a model that finds unlikely words in its
 * input and in its answer learns to copy rare words, letter by letter, instead of guessing likely ones.
 */
export class Words {
  /** Words that may take another's place. */
  private readonly all: readonly (readonly number[])[];
  private readonly rare: ReadonlySet<string>;

  /** @param spelling a token as the vocabulary writes it: `▁` begins a word */
  constructor(
    documents: readonly Document[],
    private readonly spelling: (id: number) => string | undefined,
  ) {
    const counts = new Map<string, { ids: readonly number[]; count: number }>();
    for (const { tokens } of documents)
      for (const { ids, swappable } of this.pieces(tokens)) {
        if (!swappable) continue;
        const key = ids.join(" ");
        const found = counts.get(key);
        if (found) found.count++;
        else counts.set(key, { ids, count: 1 });
      }
    this.all = [...counts.values()].map(({ ids }) => ids);
    this.rare = new Set([...counts].filter(([, { count }]) => count <= MOST_OFTEN).map(([key]) => key));
  }

  /** One or two rarer words that stand in both texts, if there are any, become others, the same in both. */
  swap(one: readonly number[], other: readonly number[], random: Random): [number[], number[]] {
    const [first, second] = [this.pieces(one), this.pieces(other)];
    const there = new Set(second.map(({ ids }) => ids.join(" ")));
    const shared = new Set(
      first
        .filter(({ swappable }) => swappable)
        .map(({ ids }) => ids.join(" "))
        .filter((key) => this.rare.has(key) && there.has(key)),
    );
    const chosen = random.shuffle([...shared]).slice(0, 1 + random.integer(2));
    const replacements = new Map(chosen.map((key) => [key, this.all[random.integer(this.all.length)]!]));
    const replaced = (pieces: readonly Piece[]) =>
      pieces.flatMap(({ ids }) => replacements.get(ids.join(" ")) ?? ids);
    return [replaced(first), replaced(second)];
  }

  private pieces(tokens: readonly number[]): Piece[] {
    const pieces: Piece[] = [];
    for (let at = 0; at < tokens.length;) {
      const begin = at++;
      let text = this.letters(tokens[begin]!, "▁");
      if (text !== undefined)
        for (let more; at < tokens.length; at++, text += more) {
          more = this.letters(tokens[at]!, "");
          if (more === undefined) break;
        }
      pieces.push({
        ids: tokens.slice(begin, at),
        swappable: text !== undefined && text.length >= SHORTEST && /^[a-z]+$/.test(text),
      });
    }
    return pieces;
  }

  /** The letters of a token behind `prefix`, if it has nothing else; a word may begin with a piece of none. */
  private letters(id: number, prefix: string): string | undefined {
    const spelled = this.spelling(id) ?? "";
    const text = spelled.startsWith(prefix) ? spelled.slice(prefix.length) : undefined;
    return text !== undefined && /^\p{L}*$/u.test(text) && spelled !== "" ? text : undefined;
  }
}
