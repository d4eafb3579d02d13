import type { RecordedDevice } from "../engine";
import type { HostTensor } from "../tensors";
import type { TaskType } from "./architecture";
import type { LoraScaling } from "./lora/config";
import type { GenerationWeights } from "./quantization";
import type { TokenBatch } from "./tokenizer";

/**
 * Rows that grow by a token at a time. A decoder keeps what it has computed for the tokens fed so far, so that each step feeds
 * one token a row. Rows come in groups of `rowsPerInput`, one group an input.
 */
export interface Decoder {
  readonly vocabularySize: number;
  /**
   * The tokens that each row begins with, at least one: the start token of an encoder–decoder, the prompt of a causal model.
   * Score processors see them. All but the last have been fed; the last is fed first.
   */
  readonly prompts: readonly (readonly number[])[];
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

/** A model that generates, of any architecture. */
export interface GenerativeModel {
  readonly taskType: TaskType;
  /** Tokens that end a sequence. */
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;
  /** Reads a batch of inputs and prepares `rowsPerInput` rows for each. */
  startDecoder(batch: TokenBatch, rowsPerInput: number, maxNewTokens: number): Promise<Decoder>;
  /** Frees the model's programs; decoders that are still there can no longer be used. */
  dispose(): Promise<void>;
}

/** An adapter whose arrays a generator reads at every step, so that it follows a training without being made anew. */
export interface LiveAdapter {
  readonly scaling: LoraScaling;
  /** `….lora_A.weight`, `….lora_B.weight`, and parameters that stand in for the model's own. */
  readonly weights: ReadonlyMap<string, HostTensor<"float32">>;
  /**
   * Another number after each change of the weights, where all changes are told: what was computed under the same number may then
   * be used again.
   */
  readonly version?: number;
}

export interface GeneratorOptions {
  /**
   * Where it runs.
   * @default as `DEVICE` says, otherwise the cpu
   */
  device?: RecordedDevice | undefined;
  /**
   * How linear layers keep their weights. "int8" takes a quarter of the memory and about half the time; "int4" less memory
   * still, with a causal model's head in 8 bits; "file" changes nothing where a file keeps them in few bits.
   * @default "float32"
   */
  weights?: GenerationWeights;
  /**
   * Threads of one operation.
   * @default one for each core
   */
  threads?: number;
  adapter?: LiveAdapter;
  /** Writes ONNX Runtime's profile of every operation to files that begin with this. */
  profile?: string | undefined;
}

/** The error for a model whose scores are NaN or infinite: whatever was chosen by them would mean nothing. */
export const notFiniteScores = () =>
  new Error(
    "generation: the model's scores for the next token are not finite numbers (NaN or ∞); its weights, or those of an " +
      "adapter merged into it, hold such values or are far too large",
  );
