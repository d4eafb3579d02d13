import * as tf from "@tensorflow/tfjs";
import {
  DeviceTensor,
  fetchFrom,
  type FrozenProgram,
  logOfPositive,
  type ProgramTensor,
  type RecordedDevice,
} from "../engine";
import { type Decoder, notFiniteScores } from "./generative";

/** Results of a decoder's program that stay on a device where they can: all but what is read at every step. */
export const staysThere = (output: string): boolean => output !== "best" && output !== "finite";

/** Logits [rows, vocabulary] as log-probabilities. */
export function logProbabilities({ logits }: { logits: tf.Tensor }): { logProbabilities: tf.Tensor } {
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  return { logProbabilities: tf.sub(shifted, logOfPositive(tf.sum(tf.exp(shifted), 1, true))) };
}

/**
 * A decoder over programs: one that feeds a token to each row and gives `logits` [rows, vocabulary], the `best` token of each row
 * and what is NaN where a row's logits are not all `finite`, and one that normalises logits.
 */
export abstract class ProgramDecoder implements Decoder {
  abstract readonly vocabularySize: number;
  abstract readonly prompts: readonly (readonly number[])[];

  constructor(
    private readonly normalise: FrozenProgram,
    private readonly device: RecordedDevice,
  ) {}

  async nextTokens(tokens: Int32Array): Promise<Int32Array> {
    const { best, finite } = await this.step(tokens, "best", "finite");
    if ((finite!.data as Float32Array).some(Number.isNaN)) throw notFiniteScores();
    return best!.data as Int32Array;
  }

  async nextLogits(tokens: Int32Array): Promise<Float32Array> {
    const logits = (await this.step(tokens, "logits"))["logits"]!;
    if (!(logits instanceof DeviceTensor)) return logits.data as Float32Array;
    const fetched = await fetchFrom(this.device, logits);
    logits.dispose();
    return fetched.data as Float32Array;
  }

  async nextLogProbabilities(tokens: Int32Array): Promise<Float32Array> {
    const logits = (await this.step(tokens, "logits"))["logits"]!;
    const { logProbabilities } = await this.normalise.run({ logits }, ["logProbabilities"]);
    if (logits instanceof DeviceTensor) logits.dispose();
    return logProbabilities.data as Float32Array;
  }

  abstract select(rows: readonly number[]): void;
  abstract dispose(): void;

  /** Feeds the tokens and returns the outputs named. */
  protected abstract step(tokens: Int32Array, ...outputs: string[]): Promise<Record<string, ProgramTensor>>;
}
