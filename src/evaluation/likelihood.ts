import * as tf from "@tensorflow/tfjs";
import { CompiledFunction, type CompileOptions } from "../engine";
import { type LabelledBatch, labelShares, type NamedTensors } from "../models";
import {
  batchOrder,
  collate,
  type Example,
  type ExampleBatchesOptions,
  type FrozenModel,
  packedBatchTensors,
  ROWS_TO_MULTIPLE_OF,
  sequenceSums,
} from "../training";

export interface AnswerNatsOptions extends ExampleBatchesOptions {
  /** Answers that go through the model together. */
  readonly batchSize: number;
  /** Called after each batch. */
  readonly onProgress?: (done: number) => void;
  readonly engine?: CompileOptions;
}

/**
 * How surprised a model is by each answer, −Σ log p of its labels in nats.
 *
 * @param answers as the model's batches have them: labels of a causal model stand at their own tokens
 * @throws {Error} if a number is not finite
 */
export async function answerNats(
  frozen: Pick<FrozenModel, "parameters" | "model">,
  answers: readonly Example[],
  { batchSize, onProgress, engine, ...collated }: AnswerNatsOptions,
): Promise<number[]> {
  const program = new CompiledFunction((inputs: { parameters: NamedTensors; batch: NamedTensors }) => {
    const batch = inputs.batch as unknown as LabelledBatch;
    const losses = frozen.model(inputs.parameters).labelLosses(batch);
    return { nats: sequenceSums(batch, tf.mul(losses, labelShares(batch))) as tf.Tensor };
  }, engine);
  const parameters = Object.fromEntries(frozen.parameters);
  const nats = new Array<number>(answers.length);
  let done = 0;
  try {
    for (const indices of batchOrder(answers, { batchSize, seed: 0, epoch: 0 })) {
      const batch = packedBatchTensors(
        collate(answers, indices, { ...collated, rows: batchSize }),
        ROWS_TO_MULTIPLE_OF,
      );
      const { nats: sums } = await program.run({ parameters, batch });
      indices.forEach((at, row) => {
        const value = (sums.data as Float32Array)[row]!;
        if (!Number.isFinite(value))
          throw new Error(`the model's scores of answer ${at + 1} are not finite numbers`);
        nats[at] = value;
      });
      onProgress?.((done += indices.length));
    }
  } finally {
    await program.dispose();
  }
  return nats;
}
