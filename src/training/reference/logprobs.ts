import { existsSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { CompiledFunction, type CompileOptions } from "../../engine";
import { sha256 } from "../../io";
import { type LabelledBatch, labelShares, type NamedTensors } from "../../models";
import { float32Tensor, readSafetensors, writeSafetensors } from "../../tensors";
import type { ExampleBatchesOptions } from "../example-batches";
import { type Pair, PairRows, type ScoredPairs } from "../pairs";
import type { FrozenModel } from "../policies/frozen";
import { sequenceSums } from "../sequence-sums";
import { eventLoopTurn } from "../turn";

export interface ReferenceLogprobsOptions extends ExampleBatchesOptions {
  /** Pairs that go through the model together. */
  readonly batchSize: number;
  /** Where the file lies, `reference-<hash>.safetensors`. */
  readonly directory: string;
  /** Called after each batch with the pairs that are done, those of the file included. */
  readonly onProgress?: (done: number, total: number) => void;
  /** What was found or refused, in words. */
  readonly onMessage?: (message: string) => void;
  /** Ends the work after the batch in progress; what is done is kept. */
  readonly signal?: AbortSignal;
  readonly engine?: CompileOptions;
}

/** The work was told to stop. What is done lies in the file: the same call goes on from there. */
export class ReferenceInterrupted extends Error {
  constructor(
    readonly done: number,
    readonly total: number,
    readonly path: string,
  ) {
    super(`stopped after ${done} of ${total} pairs of the reference, which are in ${path}`);
  }
}

/** Seconds after which what is done is kept. */
const KEEP_EVERY = 30;

/** Σ log p of each row's labels, [rows]. */
const answerLogprobs =
  (frozen: FrozenModel) => (inputs: { parameters: NamedTensors; batch: NamedTensors }) => {
    const batch = inputs.batch as unknown as LabelledBatch;
    const losses = frozen.model(inputs.parameters).labelLosses(batch);
    return { logprobs: tf.neg(sequenceSums(batch, tf.mul(losses, labelShares(batch)))) as tf.Tensor };
  };

/**
 * The log-probabilities that a frozen model gives both answers of each pair, once for a whole training. They are kept in a file
 * whose name is a hash of the model's parameters, its adapter, the pairs' tokens and how batches are made of them, and read from
 * there the next time; a file that is not of these, or damaged, is named and made again. Each batch is computed by itself, so that
 * work which was cut and goes on gives the same bits.
 *
 * @throws {ReferenceInterrupted} if `signal` stopped it
 * @throws {Error} if a log-probability is no finite number; it names the pair
 */
export async function referenceLogprobs(
  frozen: FrozenModel,
  pairs: readonly Pair[],
  options: ReferenceLogprobsOptions,
): Promise<ScoredPairs> {
  const { batchSize, directory, signal, onProgress, onMessage, engine } = options;
  const rows = new PairRows(pairs, options);
  const key = sha256(JSON.stringify([frozen.fingerprint, rows.fingerprint, batchSize]));
  const path = join(directory, `reference-${key.slice(0, 16)}.safetensors`);
  const file = new LogprobsFile(path, key, pairs.length);
  const { logprobs, batches: found } = file.read((why) => onMessage?.(`${path} is not used: ${why}`));
  const order = rows.order({ batchSize, seed: 0, epoch: 0 });
  const pairsOf = (batches: number) => order.slice(0, batches).reduce((sum, { length }) => sum + length, 0);
  if (found > 0 || pairs.length === 0) onProgress?.(pairsOf(found), pairs.length);

  const program = new CompiledFunction(answerLogprobs(frozen), engine);
  const parameters = Object.fromEntries(frozen.parameters);
  let kept = performance.now();
  try {
    for (let done = found; done < order.length; done++) {
      const indices = order[done]!;
      if (signal?.aborted) {
        file.write(logprobs, done);
        throw new ReferenceInterrupted(pairsOf(done), pairs.length, path);
      }
      const inputs = { parameters, batch: rows.batch(indices, batchSize) };
      const result = await program.run(inputs);
      indices.forEach((pair, k) => {
        for (const answer of [0, 1]) {
          const value = (result.logprobs.data as Float32Array)[2 * k + answer]!;
          if (!Number.isFinite(value))
            throw new Error(
              `the reference gives the ${answer === 0 ? "chosen" : "rejected"} answer of pair ${pair + 1} the log-probability ${value}: ` +
                "its parameters or this pair's tokens are not what they should be",
            );
          logprobs[2 * pair + answer] = value;
        }
      });
      onProgress?.(pairsOf(done + 1), pairs.length);
      if (performance.now() - kept > 1000 * KEEP_EVERY) {
        file.write(logprobs, done + 1);
        kept = performance.now();
      }
      await eventLoopTurn();
    }
    if (found < order.length) file.write(logprobs, order.length);
  } finally {
    await program.dispose();
  }
  return { pairs, referenceLogprobs: logprobs };
}

/** The file of log-probabilities [pairs, 2]: whole, or of as many batches as it says. */
class LogprobsFile {
  constructor(
    private readonly path: string,
    private readonly key: string,
    private readonly pairs: number,
  ) {}

  /** What it has; nothing, where there is none or `refuse` was told why it is not used. */
  read(refuse: (why: string) => void): { logprobs: Float32Array; batches: number } {
    const nothing = { logprobs: new Float32Array(2 * this.pairs), batches: 0 };
    if (!existsSync(this.path)) return nothing;
    try {
      const { tensors, metadata } = readSafetensors(this.path);
      const tensor = tensors.get("logprobs");
      if (metadata["key"] !== this.key) throw new Error("it is of another reference or of other pairs");
      if (tensor?.dtype !== "float32" || tensor.data.length !== 2 * this.pairs)
        throw new Error("it has not two log-probabilities for each pair");
      const logprobs = tensor.data as Float32Array;
      if (metadata["sha256"] !== this.checksum(logprobs, metadata["batches"]!))
        throw new Error("it is damaged (its checksum differs)");
      return { logprobs, batches: Number(metadata["batches"]) };
    } catch (error) {
      refuse((error as Error).message);
      return nothing;
    }
  }

  write(logprobs: Float32Array, batches: number): void {
    const { key } = this;
    const metadata = { key, batches: String(batches), sha256: this.checksum(logprobs, String(batches)) };
    const tensor = float32Tensor([this.pairs, 2], logprobs);
    writeSafetensors(this.path, new Map([["logprobs", tensor]]), metadata);
  }

  private checksum({ buffer, byteOffset, byteLength }: Float32Array, batches: string): string {
    return sha256(Buffer.concat([Buffer.from(batches), Buffer.from(buffer, byteOffset, byteLength)]));
  }
}
