/**
 * Numbers the n-grams of symbol sequences exactly and fast. An n-gram is its (n−1)-gram prefix and one more symbol, so
 * the n-grams form a trie; its edges (node, symbol) → node lie in one open-addressing hash table of 32-bit integers.
 * Node 0 is the empty n-gram; every other node is numbered in order of first appearance.
 */
export class NgramTrie {
  private table: Int32Array;
  private parents: Int32Array;
  private symbols: Int32Array;
  private count = 1;

  constructor(capacity = 1024) {
    this.parents = new Int32Array(capacity);
    this.symbols = new Int32Array(capacity);
    this.table = new Int32Array(tableSize(capacity));
  }

  /** How many nodes there are, the root included: node numbers are below it. */
  get size(): number {
    return this.count;
  }

  /** Size of the trie's arrays in bytes. */
  get byteLength(): number {
    return this.table.byteLength + this.parents.byteLength + this.symbols.byteLength;
  }

  /** The node of n-gram `node` followed by `symbol` (an integer ≥ 0), or 0 where it has not been added. */
  find(node: number, symbol: number): number {
    return this.table[this.slot(node, symbol)]!;
  }

  /** The node of n-gram `node` followed by `symbol`, made if it is new. */
  add(node: number, symbol: number): number {
    const slot = this.slot(node, symbol);
    const found = this.table[slot]!;
    if (found !== 0) return found;
    if (this.count === this.parents.length) {
      this.grow();
      return this.add(node, symbol);
    }
    const made = this.count++;
    this.parents[made] = node;
    this.symbols[made] = symbol;
    this.table[slot] = made;
    return made;
  }

  /** The edges by node: node i (from 1) extends `parents[i]` by `symbols[i]`. Views, enough to rebuild the trie. */
  edges(): { parents: Int32Array; symbols: Int32Array } {
    return { parents: this.parents.subarray(0, this.count), symbols: this.symbols.subarray(0, this.count) };
  }

  /** The trie whose {@link edges} these are; edges that are no trie's are an error. */
  static fromEdges(parents: Int32Array, symbols: Int32Array): NgramTrie {
    const trie = new NgramTrie(Math.max(1, parents.length));
    for (let node = 1; node < parents.length; node++) {
      const parent = parents[node]!;
      if (parent < 0 || parent >= node || trie.add(parent, symbols[node]!) !== node) {
        throw new Error(`n-gram ${node} does not extend an earlier one by something new`);
      }
    }
    return trie;
  }

  private slot(node: number, symbol: number): number {
    const mask = this.table.length - 1;
    let hash = Math.imul(node ^ Math.imul(symbol + 1, 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    for (;;) {
      const found = this.table[slot]!;
      if (found === 0 || (this.parents[found] === node && this.symbols[found] === symbol)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const capacity = this.parents.length * 2;
    this.parents = extended(this.parents, capacity);
    this.symbols = extended(this.symbols, capacity);
    this.table = new Int32Array(tableSize(capacity));
    for (let node = 1; node < this.count; node++) {
      this.table[this.slot(this.parents[node]!, this.symbols[node]!)] = node;
    }
  }
}

/** A power of two that leaves at least half of the slots empty. */
function tableSize(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}

function extended(values: Int32Array, length: number): Int32Array {
  const longer = new Int32Array(length);
  longer.set(values);
  return longer;
}

/** Numbers strings in order of first appearance. */
export class SymbolTable {
  private readonly numbers = new Map<string, number>();

  /** The numbers of `tokens`, new ones made as they come. */
  add(tokens: readonly string[]): Int32Array {
    return Int32Array.from(tokens, (token) => {
      let number = this.numbers.get(token);
      if (number === undefined) this.numbers.set(token, (number = this.numbers.size));
      return number;
    });
  }

  /** The numbers of `tokens`; −1 stands for one that was never added. */
  find(tokens: readonly string[]): Int32Array {
    const found = new Int32Array(tokens.length);
    for (let i = 0; i < found.length; i++) found[i] = this.numbers.get(tokens[i]!) ?? -1;
    return found;
  }

  /** How many strings have a number. */
  get size(): number {
    return this.numbers.size;
  }

  /** All strings, by number. */
  get tokens(): string[] {
    return [...this.numbers.keys()];
  }
}
