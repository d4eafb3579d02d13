import type { ProgramTensor } from "../engine";
import { sha256 } from "../io";
import { IGNORED_LABEL, needParameter, type ParameterSource, type TaskType } from "../models";
import { ContentHash, float32Tensor, int32Tensor } from "../tensors";
import type { Batch } from "./batches";
import { packing } from "./packing";
import type { BatchTensors } from "./data";

/** A padded batch as the inputs of a model's loss. */
export function batchTensors({
  rows,
  inputLength,
  labelLength,
  inputIds,
  attentionMask,
  labels,
  labelWeights,
  tasks,
}: Batch): BatchTensors {
  return {
    inputIds: int32Tensor([rows, inputLength], inputIds),
    attentionMask: int32Tensor([rows, inputLength], attentionMask),
    labels: int32Tensor([rows, labelLength], labels),
    ...(labelWeights ? { labelWeights: float32Tensor([rows, labelLength], labelWeights) } : {}),
    ...(tasks ? { tasks: int32Tensor([rows], tasks) } : {}),
  };
}

/** The same with what leaves padding out, in steps of `multipleOf` rows; see {@link packing}. */
export function packedBatchTensors(batch: Batch, multipleOf: number): BatchTensors {
  const lists = Object.entries(packing(batch, multipleOf));
  return {
    ...batchTensors(batch),
    ...Object.fromEntries(lists.map(([name, list]) => [name, int32Tensor([list.length], list)])),
  };
}

/** Labels that count: those that are not {@link IGNORED_LABEL}. */
export function labelCount(batch: BatchTensors): number {
  return count(batch["labels"]!, (label) => label !== IGNORED_LABEL);
}

/** Real tokens of a batch: those of the input and, where the target is a sequence of its own, of the target. */
export function tokenCount(batch: BatchTensors, taskType: TaskType = "SEQ_2_SEQ_LM"): number {
  const inputs = count(batch["attentionMask"]!, (mask) => mask !== 0);
  return taskType === "CAUSAL_LM" ? inputs : inputs + labelCount(batch);
}

function count({ data }: ProgramTensor, wanted: (value: number) => boolean): number {
  return (data as Int32Array).reduce((found, value) => found + Number(wanted(value)), 0);
}

/** SHA-256 of names, shapes and all elements of parameters: what a run starts from, for its fingerprint. */
export function contentSha256(parameters: ParameterSource, names: Iterable<string>): string {
  const hash = new ContentHash();
  for (const name of names) hash.add(name, needParameter(parameters, name));
  return hash.digest();
}

/** A checksum over names and a few elements of every tensor: enough to tell two base models apart without hashing them whole. */
export function checksum(parameters: ParameterSource, names: Iterable<string>): string {
  const sampled = [...names].map((name) => {
    const { data } = needParameter(parameters, name);
    const stride = Math.max(1, Math.floor(data.length / 16));
    return [
      name,
      data.length,
      ...Array.from({ length: Math.min(16, data.length) }, (_, i) => data[i * stride]),
    ];
  });
  return sha256(JSON.stringify(sampled));
}
