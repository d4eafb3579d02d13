import type { BatchSource } from "../data";
import type { Alarm } from "./alarm";

/** Batches that are looked at. */
const BATCHES = 4;

export interface EndNotTaught {
  /** The tokens at which the model's generation stops. */
  readonly endTokenIds: readonly number[];
  readonly padTokenId: number;
  /** Those of the training. */
  readonly batchSize: number;
  readonly seed: number;
}

/**
 * No target has the token that ends an answer as a label, so that the model will not learn to stop: the end was masked with the
 * padding, when both are one token, or targets end with a token at which generation does not. Looks at the first batches.
 */
export function endNotTaught(
  data: Pick<BatchSource, "epochBatches" | "batch">,
  { endTokenIds, padTokenId, batchSize, seed }: EndNotTaught,
): Alarm {
  let rows: { labelled: number; ended: number } | undefined;
  return {
    name: "the end of answers is not learned",
    check() {
      rows ??= labelledRows();
      const { labelled, ended } = rows;
      if (labelled === 0 || ended > 0) return undefined;
      const ids = endTokenIds.join(", ");
      const why = endTokenIds.includes(padTokenId)
        ? `The padding token is an end token as well (${padTokenId}): whatever masks padding by its token masks the end too. Mask it by the ` +
          "rows' lengths, or pad with another token"
        : "Let targets end with one of these, or, if the token that ends them is the right one, add it to eos_token_id in " +
          "generation_config.json";
      return (
        `none of the ${labelled} targets of the first batches has a label that ends an answer (eos_token_id ${ids}), so the model does not ` +
        `learn to stop. ${why}`
      );
    },
  };

  function labelledRows() {
    const ends = new Set(endTokenIds);
    let [labelled, ended] = [0, 0];
    for (const indices of data.epochBatches(0, batchSize, seed).slice(0, BATCHES)) {
      const { shape, data: labels } = data.batch(indices, batchSize)["labels"]!;
      const [count, length] = shape as [number, number];
      for (let row = 0; row < count; row++) {
        const own = Array.from(labels.subarray(row * length, (row + 1) * length), Number);
        if (own.every((label) => label < 0)) continue;
        labelled++;
        if (own.some((label) => ends.has(label))) ended++;
      }
    }
    return { labelled, ended };
  }
}
