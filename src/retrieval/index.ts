export type { AnalyzerKind } from "./analyzer";
export type { SearchResult } from "./best";
export { Bm25Index, type Bm25Options } from "./bm25";
export type { SearchOptions } from "./score-matrix";
export { TfidfIndex, type TfidfOptions, type TfidfVector } from "./tfidf";
export { DenseIndex, type Embed } from "./dense";
