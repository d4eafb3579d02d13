import type { Analyzer } from "./analyzer";

/** Counts the terms of queries that an index knows. */
export class QueryCounter {
  private readonly seen: Int32Array;

  constructor(private readonly analyzer: Analyzer) {
    this.seen = new Int32Array(analyzer.termBound);
  }

  /** The query's known terms in order of first appearance, and how often each occurs. */
  count(query: string): { terms: Int32Array; counts: Int32Array } {
    const found: number[] = [];
    this.analyzer.match(query, (term) => {
      if (this.seen[term]!++ === 0) found.push(term);
    });
    const terms = new Int32Array(found.length);
    const counts = new Int32Array(found.length);
    for (let i = 0; i < found.length; i++) {
      const term = found[i]!;
      terms[i] = term;
      counts[i] = this.seen[term]!;
      this.seen[term] = 0;
    }
    return { terms, counts };
  }
}
