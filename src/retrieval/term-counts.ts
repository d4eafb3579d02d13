import type { Analyzer } from "./analyzer";

/**
 * Documents in a block, at most: as many as 16 bits tell apart. An index scores block by block. Larger blocks would double the size of
 * the lists of documents; smaller ones cut these into pieces, each of which is a jump through memory for a search.
 */
export const BLOCK_SIZE = 65_536;

/** How often each term occurs in each document. */
export interface TermCounts {
  blocks: BlockCounts[];
  /** Documents that hold the term, by term. */
  documentFrequency: Int32Array;
  /** Terms in each document, repeats included. */
  lengths: Int32Array;
}

/** The counts of consecutive documents, term by term: sparse columns of a documents × terms matrix. */
export interface BlockCounts {
  /** Index of the block's first document. */
  first: number;
  size: number;
  /** Entries of term t are `starts[t]`…`starts[t + 1]`; later terms do not occur. */
  starts: Int32Array;
  /** Places in the block of the documents that hold the term, ascending. */
  documents: Uint16Array;
  counts: Int32Array;
}

/** Counts the terms of all texts, in blocks of so many; `analyzer` learns them. */
export function countTerms(
  texts: readonly string[],
  analyzer: Analyzer,
  blockSize: number = BLOCK_SIZE,
): TermCounts {
  const lengths = new Int32Array(texts.length);
  const rows = new Rows();
  const blocks: BlockCounts[] = [];
  for (let first = 0; first < texts.length; first += blockSize) {
    rows.clear();
    const size = Math.min(blockSize, texts.length - first);
    for (let place = 0; place < size; place++) {
      lengths[first + place] = rows.add((visit) => analyzer.learn(texts[first + place]!, visit));
    }
    blocks.push({ first, size, ...rows.columns(analyzer.termBound) });
  }
  const documentFrequency = new Int32Array(analyzer.termBound);
  for (const { starts } of blocks) {
    for (let term = 0; term + 1 < starts.length; term++) {
      documentFrequency[term]! += starts[term + 1]! - starts[term]!;
    }
  }
  return { blocks, documentFrequency, lengths };
}

/** Counts gathered document by document. */
class Rows {
  private terms: Int32Array = new Int32Array(1024);
  private counts: Int32Array = new Int32Array(1024);
  private filled = 0;
  private ends: number[] = [];
  /** Where a term's count in the current row is, if it is not before the row's start. */
  private positions: Int32Array = new Int32Array(1024).fill(-1);

  clear(): void {
    this.filled = 0;
    this.ends = [];
    this.positions.fill(-1);
  }

  /** Adds a row of the terms that `visitTerms` calls back with; returns how many those were. */
  add(visitTerms: (visit: (term: number) => void) => void): number {
    const start = this.filled;
    let length = 0;
    visitTerms((term) => {
      length++;
      if (term >= this.positions.length) this.positions = grown(this.positions, term + 1, -1);
      const position = this.positions[term]!;
      if (position >= start) {
        this.counts[position]!++;
        return;
      }
      if (this.filled === this.terms.length) {
        this.terms = grown(this.terms, this.filled + 1);
        this.counts = grown(this.counts, this.filled + 1);
      }
      this.positions[term] = this.filled;
      this.terms[this.filled] = term;
      this.counts[this.filled++] = 1;
    });
    this.ends.push(this.filled);
    return length;
  }

  /** The rows turned into columns, by a counting sort. */
  columns(termBound: number): Pick<BlockCounts, "starts" | "documents" | "counts"> {
    const starts = new Int32Array(termBound + 1);
    for (let i = 0; i < this.filled; i++) starts[this.terms[i]! + 1]!++;
    for (let term = 0; term < termBound; term++) starts[term + 1]! += starts[term]!;
    const next = starts.slice();
    const documents = new Uint16Array(this.filled);
    const counts = new Int32Array(this.filled);
    let i = 0;
    this.ends.forEach((end, place) => {
      for (; i < end; i++) {
        const slot = next[this.terms[i]!]!++;
        documents[slot] = place;
        counts[slot] = this.counts[i]!;
      }
    });
    return { starts, documents, counts };
  }
}

function grown(values: Int32Array, length: number, fill = 0): Int32Array {
  const longer = new Int32Array(Math.max(length, Math.ceil(values.length * 1.5)));
  if (fill !== 0) longer.fill(fill, values.length);
  longer.set(values);
  return longer;
}
