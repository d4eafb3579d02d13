/** A document and its score. `index` is its place in the list the index was built from. */
export interface SearchResult {
  index: number;
  score: number;
}

/** The `size` best documents offered so far, in a heap whose root is the worst of them; the lower index wins a tie. */
export class Best {
  private readonly heap: SearchResult[] = [];

  constructor(private readonly size: number) {}

  /** A document that scores less has no chance. */
  get threshold(): number {
    return this.heap.length < this.size
      ? Number.NEGATIVE_INFINITY
      : (this.heap[0]?.score ?? Number.POSITIVE_INFINITY);
  }

  offer(index: number, score: number): void {
    const { heap } = this;
    if (heap.length < this.size) {
      let child = heap.length;
      heap.push({ index, score });
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if (!worse(heap[child]!, heap[parent]!)) break;
        [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
        child = parent;
      }
      return;
    }
    const root = heap[0];
    if (root === undefined || score < root.score || (score === root.score && index > root.index)) return;
    heap[0] = { index, score };
    for (let parent = 0; ;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && worse(heap[child + 1]!, heap[child]!)) child++;
      if (!worse(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      parent = child;
    }
  }

  /** The documents, best first. */
  sorted(): SearchResult[] {
    return this.heap.slice().sort((a, b) => b.score - a.score || a.index - b.index);
  }
}

function worse(a: SearchResult, b: SearchResult): boolean {
  return a.score < b.score || (a.score === b.score && a.index > b.index);
}
