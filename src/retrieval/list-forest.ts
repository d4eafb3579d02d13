import type { ShorterTerms } from "./analyzer";

/**
 * From which other list each term's list of documents is to be kept as a difference, by term: 0 where it is kept whole; b where the
 * documents are those of term b and, beside them, those of the list; −b where they are those of term b without those of the list.
 *
 * An n-gram occurs in nearly the same documents as many an n-gram that is one symbol shorter or longer: "avori" and "favor" wherever
 * people have favourites. A shorter one occurs wherever the longer one does, so their difference has as many documents as their numbers
 * of documents differ by. The lists are shortest, all together, along a minimum spanning tree over the terms and an empty list (Kruskal
 * 1956).
 *
 * @param documentFrequency by term; terms that no document holds have no list
 * @param isListed which of the others have a list
 */
export function differenceBases(
  documentFrequency: Int32Array,
  isListed: (term: number) => boolean,
  { prefixes, suffixes }: ShorterTerms,
): Int32Array {
  const tree = new Tree(documentFrequency.length);
  const hasList = (term: number) => term > 0 && documentFrequency[term]! > 0 && isListed(term);
  // An edge is one number, so that they sort fast: its length, and, as a remainder, a term and which of three others it joins it to.
  const ids = 3 * documentFrequency.length;
  const edges: number[] = [];
  for (let term = 1; term < documentFrequency.length; term++) {
    if (!hasList(term)) continue;
    edges.push(documentFrequency[term]! * ids + term * 3);
    [prefixes[term]!, suffixes[term]!].forEach((shorter, i) => {
      const difference = documentFrequency[shorter]! - documentFrequency[term]!;
      if (hasList(shorter)) edges.push(difference * ids + term * 3 + 1 + i);
    });
  }
  for (const edge of Float64Array.from(edges).sort()) {
    const id = edge % ids;
    const term = Math.floor(id / 3);
    tree.join(term, [0, prefixes[term]!, suffixes[term]!][id % 3]!);
  }
  const isShorter = (base: number, term: number) => prefixes[term] === base || suffixes[term] === base;
  return tree.parents().map((base, term) => (isShorter(base, term) ? -base : base));
}

/** A tree over the numbers below `size`, made by joining what is not connected yet. */
class Tree {
  /** By number: another of the same connected part, or itself. */
  private readonly parts: Int32Array;
  /** Edges in lists by number: each edge and, from `lasts` on, the one before it. */
  private readonly lasts: Int32Array;
  private readonly previous = [-1];
  private readonly ends = [-1];

  constructor(size: number) {
    this.parts = Int32Array.from({ length: size }, (_, i) => i);
    this.lasts = new Int32Array(size);
  }

  join(a: number, b: number): void {
    const [partOfA, partOfB] = [this.partOf(a), this.partOf(b)];
    if (partOfA === partOfB) return;
    this.parts[partOfA] = partOfB;
    this.link(a, b);
    this.link(b, a);
  }

  /** The next number on the way to 0, by number; 0 for 0 and for those that no way leads from. */
  parents(): Int32Array {
    const parents = new Int32Array(this.parts.length);
    const reached = [0];
    for (const number of reached) {
      for (let edge = this.lasts[number]!; edge > 0; edge = this.previous[edge]!) {
        const end = this.ends[edge]!;
        if (end === parents[number]) continue;
        parents[end] = number;
        reached.push(end);
      }
    }
    return parents;
  }

  private link(from: number, to: number): void {
    this.previous.push(this.lasts[from]!);
    this.ends.push(to);
    this.lasts[from] = this.ends.length - 1;
  }

  private partOf(number: number): number {
    const { parts } = this;
    while (parts[number] !== number) number = parts[number] = parts[parts[number]!]!;
    return number;
  }
}
