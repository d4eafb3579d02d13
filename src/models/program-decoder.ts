import type { FrozenProgram, ProgramTensor } from "../engine";
import { type Decoder, notFiniteScores } from "./generative";

/**
 * A decoder over programs: one that feeds a token to each row and gives `logits` [rows, vocabulary], the `best` token of each row
 * and what is NaN where a row's logits are not all `finite`, and one that normalises logits.
 */
export abstract class ProgramDecoder implements Decoder {
  abstract readonly vocabularySize: number;
  abstract readonly prompts: readonly (readonly number[])[];

  constructor(private readonly normalise: FrozenProgram) {}

  async nextTokens(tokens: Int32Array): Promise<Int32Array> {
    const { best, finite } = await this.step(tokens, "best", "finite");
    if ((finite!.data as Float32Array).some(Number.isNaN)) throw notFiniteScores();
    return best!.data as Int32Array;
  }

  async nextLogits(tokens: Int32Array): Promise<Float32Array> {
    return (await this.step(tokens, "logits"))["logits"]!.data as Float32Array;
  }

  async nextLogProbabilities(tokens: Int32Array): Promise<Float32Array> {
    const logits = (await this.step(tokens, "logits"))["logits"]!;
    const { logProbabilities } = await this.normalise.run({ logits }, ["logProbabilities"]);
    return logProbabilities.data as Float32Array;
  }

  abstract select(rows: readonly number[]): void;
  abstract dispose(): void;

  /** Feeds the tokens and returns the outputs named. */
  protected abstract step(tokens: Int32Array, ...outputs: string[]): Promise<Record<string, ProgramTensor>>;
}
