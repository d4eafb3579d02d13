import type { TokenBatch } from "./tokenizer";

/**
 * A model's decoder after its encoder has read a batch. It keeps what it has computed for the tokens fed so far, so
 * that each step feeds one token a row. Rows come in groups of `rowsPerInput`, one group an input.
 */
export interface Decoder {
  readonly vocabularySize: number;
  /**
   * Feeds one token to each row and returns the most likely next token of each row.
   *
   * @throws {Error} {@link notFiniteScores}
   */
  nextTokens(tokens: Int32Array): Promise<Int32Array>;
  /** Feeds one token to each row and returns the next token's logits, [rows, vocabulary], which the caller may change. */
  nextLogits(tokens: Int32Array): Promise<Float32Array>;
  /** As {@link nextLogits}, normalised to log-probabilities. */
  nextLogProbabilities(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Makes row i continue from what row `rows[i]` was. Rows may repeat within their group; leaving out a whole group
   * frees it. `rows.length` is a multiple of `rowsPerInput`, and each run of that many rows comes from one group.
   */
  select(rows: readonly number[]): void;
  /** Frees what the decoder holds. */
  dispose(): void;
}

/** An encoder–decoder model that can generate. */
export interface GenerativeModel {
  readonly decoderStartTokenId: number;
  readonly eosTokenId: number;
  readonly padTokenId: number;
  /** Runs the encoder on a batch and prepares `rowsPerInput` decoder rows for each of its rows. */
  startDecoder(batch: TokenBatch, rowsPerInput: number, maxNewTokens: number): Promise<Decoder>;
}

/** The error for a model whose scores are NaN or infinite: whatever was chosen by them would mean nothing. */
export const notFiniteScores = () =>
  new Error(
    "generation: the model's scores for the next token are not finite numbers (NaN or ∞); its weights, or those of an " +
      "adapter merged into it, hold such values or are far too large",
  );
