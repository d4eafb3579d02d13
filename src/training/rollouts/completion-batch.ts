import { IGNORED_LABEL, type TaskType } from "../../models";
import { int32Tensor } from "../../tensors";
import type { Batch } from "../batches";
import type { BatchTensors } from "../data";
import { ROWS_TO_MULTIPLE_OF } from "../example-batches";
import { packing } from "../packing";
import { batchTensors } from "../tensors";
import type { Completion } from "./rollout";

/** How completions become a batch. */
export interface CompletionShape {
  readonly taskType: TaskType;
  readonly padTokenId: number;
  /** Rows of the batch; missing ones are padding. */
  readonly rows: number;
  /** Tokens of a row: of prompt and steps together, or of the prompt where completions are sequences of their own. */
  readonly inputLength: number;
  /** Steps of a row. */
  readonly steps: number;
  /** Whether completions that ended have a step more than tokens, if there is room: the state behind their end. */
  readonly stepBehindEnd: boolean;
  /** The most steps of a completion. */
  readonly limit: number;
}

/** Steps of a completion: its tokens and, where the shape asks for it, the one behind the end of one below the limit. */
export function stepsOf(
  { completionIds }: Pick<Completion, "completionIds">,
  { stepBehindEnd, limit }: Pick<CompletionShape, "stepBehindEnd" | "limit">,
): number {
  return completionIds.length + Number(stepBehindEnd && completionIds.length < limit);
}

/**
 * Completions as a labelled batch whose predicted rows are [rows, steps], in this order. Prompt and completion follow one
 * another and padding comes last, whatever the tokens' ids, so that an end token that is padding elsewhere counts where it was
 * sampled.
 */
export function completionBatch(completions: readonly Completion[], shape: CompletionShape): BatchTensors {
  const { taskType, padTokenId, rows, inputLength, steps } = shape;
  const isCausal = taskType === "CAUSAL_LM";
  const labelLength = isCausal ? inputLength : steps;
  const inputIds = new Int32Array(rows * inputLength).fill(padTokenId);
  const attentionMask = new Int32Array(rows * inputLength);
  const labels = new Int32Array(rows * labelLength).fill(IGNORED_LABEL);
  // Steps without a token repeat the first position, which has no label.
  const labelRows = new Int32Array(rows * steps);
  completions.forEach((completion, row) => {
    const { promptIds, completionIds } = completion;
    const behind = stepsOf(completion, shape) - completionIds.length;
    const labelled = [...completionIds, ...new Array<number>(behind).fill(padTokenId)];
    const input = isCausal ? [...promptIds, ...labelled] : promptIds;
    if (input.length > inputLength || labelled.length > steps)
      throw new RangeError(
        `a completion of ${labelled.length} steps behind ${promptIds.length} tokens does not fit`,
      );
    inputIds.set(input, row * inputLength);
    attentionMask.fill(1, row * inputLength, row * inputLength + input.length);
    const first = row * labelLength + (isCausal ? promptIds.length : 0);
    labels.set(labelled, first);
    labelled.forEach((_, t) => (labelRows[row * steps + t] = first + t));
  });
  const batch: Batch = { examples: [], rows, inputLength, labelLength, inputIds, attentionMask, labels };
  const { tokenPositions, positionRows } = packing(batch, ROWS_TO_MULTIPLE_OF);
  const list = (values: Int32Array) => int32Tensor([values.length], values);
  return {
    ...batchTensors(batch),
    ...(isCausal && { labelRows: list(labelRows) }),
    ...(tokenPositions &&
      positionRows && { tokenPositions: list(tokenPositions), positionRows: list(positionRows) }),
  };
}
