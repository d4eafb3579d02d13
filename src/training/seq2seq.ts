import type * as tf from "@tensorflow/tfjs";
import { sha256 } from "../io";
import type { T5Checkpoint } from "../models/pretrained";
import {
  type Adapter,
  findTrainable,
  initLora,
  type LoraConfig,
  loraLinear,
  readAdapter,
  toInt8,
  type TrainableParameters,
  type TrainableRow,
  trainableTable,
  type Unfreezing,
  writeAdapter,
} from "../models/lora";
import { lossSums, t5, type T5Batch, type T5Config } from "../models/t5";
import { Random } from "../random";
import { float32Tensor } from "../tensors";
import { batchOrder, collate, type Example } from "./batches";
import type { NamedTensors, ParameterMap, TrainingTask } from "./task";
import { contentSha256, labelWeight, packedBatchTensors, tokenCount } from "./tensors";

/** The rows left when padding is left out are rounded up to a multiple of this; each number of rows is compiled once. */
export const ROWS_TO_MULTIPLE_OF = 64;

/** How a frozen base multiplies; see {@link LoraTaskOptions}. */
export const frozenWeights = ["float32", "int8"] as const;
export type FrozenWeights = (typeof frozenWeights)[number];

export interface LoraTaskOptions {
  readonly lora: LoraConfig;
  readonly unfreezing: Unfreezing;
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  /** Seeds the adapter's first weights. */
  readonly seed: number;
  /** ε of label smoothing; 0 for none. */
  readonly labelSmoothing: number;
  /** Batch lengths are rounded up to a multiple of this; every distinct shape is compiled once. */
  readonly padToMultipleOf: number;
  /** What adapter_config.json names as the base model. */
  readonly baseModel: string | null;
  /**
   * How the frozen linear layers multiply: as they are (default), or with weights, activations and gradients rounded to 8 bits,
   * which is faster. What is trained, and the lm_head, stays float32. The validation loss is that of the rounded base; the
   * adapter is for the exact one.
   */
  readonly frozenWeights?: FrozenWeights;
}

/** A T5 with an adapter, as a task for {@link TrainingTask}'s trainer. */
export interface LoraTask extends TrainingTask {
  readonly trainable: TrainableParameters;
  /** Trainable parameters by part. */
  readonly table: readonly TrainableRow[];
  /** The adapter as it is now; its arrays are those that training goes on changing. */
  adapter(): Adapter;
}

/**
 * Fine-tunes a T5 by LoRA, modules saved whole and unfrozen blocks, on input → target pairs with cross-entropy over the
 * target's tokens, weighted where the examples say so. The checkpoint's tensors stay as they are: what is trained is copied.
 */
export function loraTask(
  { config, parameters }: Pick<T5Checkpoint, "config" | "parameters">,
  options: LoraTaskOptions,
): LoraTask {
  const { lora, unfreezing, train, validation, seed, labelSmoothing, padToMultipleOf, baseModel } = options;
  const { frozenWeights = "float32" } = options;
  const shapes = new Map([...parameters].map(([name, { shape }]) => [name, shape]));
  const trainable = findTrainable(shapes, lora, unfreezing);
  const whole = [...trainable.saved, ...trainable.unfrozen];
  const trained: ParameterMap = initLora(trainable.targets, lora.rank, new Random(seed));
  for (const name of whole) {
    const { shape, data } = parameters.get(name)!;
    trained.set(name, float32Tensor(shape, data.slice()));
  }
  const frozen: ParameterMap = new Map([...parameters].filter(([name]) => !whole.includes(name)));
  const batchTensors = (examples: readonly Example[], indices: readonly number[], rows: number) => {
    const batch = collate(examples, indices, { padTokenId: config.padTokenId, rows, padToMultipleOf });
    return packedBatchTensors(batch, ROWS_TO_MULTIPLE_OF);
  };
  const pick = (names: Iterable<string>): ParameterMap =>
    new Map([...names].map((name) => [name, trained.get(name)!]));

  return {
    trained,
    frozen: frozenWeights === "int8" ? toInt8(frozen) : frozen,
    trainable,
    table: trainableTable(shapes, lora, trainable),
    trainSize: train.length,
    epochBatches: (epoch, batchSize, orderSeed) => batchOrder(train, { batchSize, seed: orderSeed, epoch }),
    trainBatch: (indices, rows) => batchTensors(train, indices, rows),
    *validationBatches(rows) {
      for (const indices of batchOrder(validation, { batchSize: rows, seed: 0, epoch: 0 })) {
        yield batchTensors(validation, indices, rows);
      }
    },
    loss: (all, batch, training) =>
      t5Loss(config, lora, all, batch as unknown as T5Batch, training ? labelSmoothing : undefined),
    labels: labelWeight,
    tokens: tokenCount,
    fingerprint: {
      config,
      lora,
      unfreezing,
      seed,
      labelSmoothing,
      padToMultipleOf,
      ...(frozenWeights === "int8" ? { frozenWeights } : {}),
      base: contentSha256(parameters),
      examples: sha256(JSON.stringify(train)),
      validation: sha256(JSON.stringify(validation)),
    },
    adapter,
    write: (directory) => writeAdapter(directory, adapter()),
    read(directory) {
      const stored = readAdapter(directory, shapes);
      for (const [name, { data }] of trained) {
        const tensor = stored.weights.get(name) ?? stored.unfrozen.get(name);
        if (!tensor) throw new Error(`${directory}: the trained parameter ${name} is missing`);
        data.set(tensor.data);
      }
    },
  };

  function adapter(): Adapter {
    const unfrozen = new Set(trainable.unfrozen);
    return {
      config: lora,
      baseModel,
      weights: pick([...trained.keys()].filter((name) => !unfrozen.has(name))),
      unfrozen: pick(unfrozen),
    };
  }
}

/** The loss of an adapted T5; a smoothing value means training, with dropout. */
function t5Loss(
  config: T5Config,
  lora: LoraConfig,
  parameters: NamedTensors,
  batch: T5Batch,
  smoothing: number | undefined,
): tf.Tensor {
  const training = smoothing !== undefined;
  const linear = loraLinear(parameters, training ? lora : { ...lora, dropout: 0 });
  const model = t5(config, parameters, { linear, dropoutRate: training ? config.dropoutRate : 0 });
  return lossSums(model, batch, smoothing ?? 0).loss;
}
