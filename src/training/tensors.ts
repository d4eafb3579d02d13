import type { ProgramTensor } from "../engine";
import { sha256 } from "../io";
import { IGNORED_LABEL } from "../models/t5";
import type { Batch } from "./batches";
import type { BatchTensors, ParameterMap } from "./task";

/** A padded batch as the inputs of a T5's loss, all int32. */
export function batchTensors({
  rows,
  inputLength,
  labelLength,
  inputIds,
  attentionMask,
  labels,
}: Batch): BatchTensors {
  const int32 = (length: number, data: Int32Array) => ({
    dtype: "int32" as const,
    shape: [rows, length],
    data,
  });
  return {
    inputIds: int32(inputLength, inputIds),
    attentionMask: int32(inputLength, attentionMask),
    labels: int32(labelLength, labels),
  };
}

/** Labels that count: those that are not {@link IGNORED_LABEL}. */
export function labelCount(batch: BatchTensors): number {
  return count(batch["labels"]!, (label) => label !== IGNORED_LABEL);
}

/** Real tokens of a batch, those of the input and of the target. */
export function tokenCount(batch: BatchTensors): number {
  return count(batch["attentionMask"]!, (mask) => mask === 1) + labelCount(batch);
}

function count({ data }: ProgramTensor, wanted: (value: number) => boolean): number {
  return (data as Int32Array).reduce((found, value) => found + Number(wanted(value)), 0);
}

/** A checksum over names and a few elements of every tensor: enough to tell two base models apart without reading them whole. */
export function checksum(parameters: ParameterMap): string {
  const sampled = [...parameters].map(([name, { data }]) => {
    const stride = Math.max(1, Math.floor(data.length / 16));
    return [
      name,
      data.length,
      ...Array.from({ length: Math.min(16, data.length) }, (_, i) => data[i * stride]),
    ];
  });
  return sha256(JSON.stringify(sampled));
}
