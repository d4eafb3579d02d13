import { foldSpace, NgramTrie, splitAtSpace, SymbolTable, wordTokens } from "../text";

/** What a term is: a character n-gram, one that stays within a padded word, or a word n-gram. */
export type AnalyzerKind = "char" | "char_wb" | "word";

export interface AnalyzerOptions {
  /**
   * `"char"`: n-grams of characters (code points), runs of white space made one blank. `"char_wb"`: the same within
   * each white-space separated word, padded by one blank on both sides; a shorter padded word is one term.
   * `"word"`: n-grams of runs of two or more letters, digits or underscores. All three as in scikit-learn.
   */
  analyzer: AnalyzerKind;
  /** Smallest and largest n, both included. */
  ngramRange: readonly [min: number, max: number];
  /** Lower-case the text first. */
  lowercase: boolean;
}

/** Turns texts into numbered terms. Terms are numbered while an index is built; a query finds those that exist. */
export class Analyzer {
  private constructor(
    readonly options: AnalyzerOptions,
    private readonly trie: NgramTrie,
    private readonly words: SymbolTable,
  ) {}

  static create(options: AnalyzerOptions): Analyzer {
    const { analyzer, ngramRange } = options;
    if (!["char", "char_wb", "word"].includes(analyzer)) {
      throw new RangeError(`analyzer is one of char, char_wb, word, not ${String(analyzer)}`);
    }
    const [min, max] = ngramRange;
    if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 1 && min <= max)) {
      throw new RangeError(
        `ngramRange is [min, max], whole numbers with 1 ≤ min ≤ max, not [${ngramRange.join(", ")}]`,
      );
    }
    return new Analyzer(options, new NgramTrie(), new SymbolTable());
  }

  /** An analyzer that knows the terms of a saved one. */
  static restore(options: AnalyzerOptions, state: AnalyzerState): Analyzer {
    const words = new SymbolTable();
    words.add(state.words);
    return new Analyzer(options, NgramTrie.fromEdges(state.parents, state.symbols), words);
  }

  /** What {@link Analyzer.restore} needs. */
  get state(): AnalyzerState {
    return { ...this.trie.edges(), words: this.words.tokens };
  }

  /** Term numbers lie below this. */
  get termBound(): number {
    return this.trie.size;
  }

  /** Size of the n-grams' arrays in bytes. */
  get byteLength(): number {
    return this.trie.byteLength;
  }

  /** Of each term those one symbol shorter that are in every text that it is in. */
  shorterTerms(): ShorterTerms {
    const { parents, symbols } = this.trie.edges();
    const [min] = this.options.ngramRange;
    const lengths = new Uint16Array(parents.length);
    const prefixes = new Int32Array(parents.length);
    const suffixes = new Int32Array(parents.length);
    for (let node = 1; node < parents.length; node++) {
      const parent = parents[node]!;
      lengths[node] = lengths[parent]! + 1;
      if (parent !== 0) suffixes[node] = this.trie.find(suffixes[parent]!, symbols[node]!);
      if (lengths[node]! > min) prefixes[node] = parent;
    }
    return { prefixes, suffixes: suffixes.map((suffix, node) => (lengths[node]! > min ? suffix : 0)) };
  }

  /** Calls `visit` with each of the text's terms, repeats included, numbering new ones. */
  learn(text: string, visit: (term: number) => void): void {
    for (const symbols of this.sequences(text, (tokens) => this.words.add(tokens))) {
      this.walk(symbols, (node, symbol) => this.trie.add(node, symbol), visit);
    }
  }

  /** Calls `visit` with each of the text's terms that is known, repeats included. */
  match(text: string, visit: (term: number) => void): void {
    for (const symbols of this.sequences(text, (tokens) => this.words.find(tokens))) {
      this.walk(symbols, (node, symbol) => this.trie.find(node, symbol), visit);
    }
  }

  private sequences(text: string, number: (tokens: string[]) => Int32Array): Int32Array[] {
    const source = this.options.lowercase ? text.toLowerCase() : text;
    if (this.options.analyzer === "word") return [number(wordTokens(source))];
    if (this.options.analyzer === "char") return [codePoints(foldSpace(source))];
    return splitAtSpace(source).map((word) => codePoints(` ${word} `));
  }

  private walk(
    symbols: Int32Array,
    step: (node: number, symbol: number) => number,
    visit: (term: number) => void,
  ): void {
    const [min, max] = this.options.ngramRange;
    const length = symbols.length;
    const shortest = this.options.analyzer === "char_wb" ? Math.min(min, length) : min;
    for (let start = 0; start + shortest <= length; start++) {
      const end = Math.min(start + max, length);
      let node = 0;
      for (let i = start; i < end; i++) {
        node = step(node, symbols[i]!);
        if (node === 0) break;
        if (i - start + 1 >= shortest) visit(node);
      }
    }
  }
}

/** By term, the ones without its last and without its first symbol; 0 for a term of the smallest n. */
export interface ShorterTerms {
  prefixes: Int32Array;
  suffixes: Int32Array;
}

export interface AnalyzerState {
  parents: Int32Array;
  symbols: Int32Array;
  words: string[];
}

function codePoints(text: string): Int32Array {
  const points = new Int32Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    points[length++] = point;
  }
  return points.subarray(0, length);
}
