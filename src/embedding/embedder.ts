/** What makes vectors of texts: similar ones for texts that mean the same. */
export interface Embedder {
  /** A vector of length 1 for each text: rows [texts, width], one after the other. */
  embed(texts: readonly string[]): Promise<Float32Array>;
  /** Frees its memory. */
  dispose(): Promise<void>;
}
