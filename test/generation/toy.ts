import type { Decoder, GenerativeModel } from "../../src/models/generative";
import { padBatch, type TokenBatch } from "../../src/models/tokenizer/tokenizer";
import { Random } from "../../src/random/random";

/** What a {@link ToyModel} was asked to do, to check that finished rows are given up. */
export interface Trace {
  readonly rowsPerStep: number[];
  disposed: boolean;
}

/**
 * A model whose logits are seeded noise of (input row's ids, tokens so far): cheap, without structure, and able to say
 * the logits of any sequence, so that a search can be checked against trying everything.
 */
export class ToyModel implements GenerativeModel {
  readonly taskType = "SEQ_2_SEQ_LM";
  readonly padTokenId = 0;
  readonly eosTokenId = 1;
  readonly stopTokenIds: readonly number[] = [this.eosTokenId];
  readonly trace: Trace = { rowsPerStep: [], disposed: false };

  constructor(
    readonly vocabularySize: number,
    private readonly seed: number,
    private readonly eosBonus = 0,
  ) {}

  logits(input: readonly number[], tokens: readonly number[]): Float32Array {
    let random = new Random(this.seed);
    for (const id of [...input, -1, ...tokens]) random = random.fork(id);
    const logits = Float32Array.from({ length: this.vocabularySize }, () => 2 * random.normal());
    logits[this.eosTokenId]! += this.eosBonus;
    return logits;
  }

  logProbabilities(input: readonly number[], tokens: readonly number[]): Float32Array {
    const logits = this.logits(input, tokens);
    const norm = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
    return logits.map((x) => x - norm);
  }

  async dispose(): Promise<void> {}

  async startDecoder(batch: TokenBatch, rowsPerInput: number): Promise<Decoder> {
    const width = batch.inputIds.shape[1]!;
    let rows = batch.lengths.flatMap((length, i) => {
      const input = [...batch.inputIds.data.subarray(i * width, i * width + length)];
      return Array.from({ length: rowsPerInput }, () => ({ input, tokens: [] as number[] }));
    });
    const feed = (tokens: Int32Array, score: (row: (typeof rows)[number]) => Float32Array) => {
      if (tokens.length !== rows.length) throw new Error(`${tokens.length} tokens for ${rows.length} rows`);
      rows.forEach((row, i) => row.tokens.push(tokens[i]!));
      this.trace.rowsPerStep.push(rows.length);
      return rows.map(score);
    };
    const flat = (all: Float32Array[]) => Float32Array.from(all.flatMap((row) => [...row]));
    const logits = ({ input, tokens }: (typeof rows)[number]) => this.logits(input, tokens);
    return {
      vocabularySize: this.vocabularySize,
      prompts: rows.map(() => [START]),
      nextTokens: async (tokens) =>
        Int32Array.from(feed(tokens, logits), (row) => row.indexOf(Math.max(...row))),
      nextLogits: async (tokens) => flat(feed(tokens, logits)),
      nextLogProbabilities: async (tokens) =>
        flat(feed(tokens, (row) => this.logProbabilities(row.input, row.tokens))),
      select: (from) => {
        rows = from.map((i) => ({ input: rows[i]!.input, tokens: [...rows[i]!.tokens] }));
      },
      dispose: () => {
        this.trace.disposed = true;
      },
    };
  }
}

/** Every row begins with it. */
export const START = 0;

/** A batch of one-token inputs. */
export function inputs(...ids: number[]): TokenBatch {
  return padBatch(
    ids.map((id) => [id]),
    0,
  );
}
