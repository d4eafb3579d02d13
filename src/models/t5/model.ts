import * as tf from "@tensorflow/tfjs";
import { attend, dropout, gelu, positions, rmsNorm } from "../../engine";
import { withLabelHead } from "../label-head";
import {
  IGNORED_LABEL,
  type LabelledBatch,
  type LanguageModel,
  type ModelHooks,
  packedRows,
} from "../language-model";
import {
  dense,
  type LinearLayers,
  mergeHeads,
  type NamedTensors,
  type PackedRows,
  parameter,
  type Rows,
  splitHeads,
} from "../layers";
import { scalesOutputs, type T5Config } from "./config";
import { innerLinears, positionBiasName, type Stack, sublayerPath } from "./parameters";
import { positionBias } from "./position-bias";

/**
 * What a model's functions need at hand. Activations are matrices whose rows are the tokens, batch by batch:
 * [batch · length, width], or without padding (see {@link Rows}).
 */
export interface T5 extends LanguageModel {
  readonly config: T5Config;
  /** Tensors by their Hugging Face names (see `parameterShapes`). */
  readonly parameters: NamedTensors;
  readonly linear: LinearLayers;
  /** Share of activations that dropout sets to zero; 0 is none. */
  readonly dropoutRate: number;
}

/** A T5 over parameters that are tensors now or will be when a recorded program runs. */
export function t5(
  config: T5Config,
  parameters: NamedTensors,
  { linear = dense(parameters), training = false }: ModelHooks = {},
): T5 {
  const model: T5 = {
    config,
    parameters,
    linear,
    dropoutRate: training ? config.dropoutRate : 0,
    ...withLabelHead({
      states: (batch) => headInput(config, labelRows(model, batch)),
      linear,
      head: headName(config),
    }),
  };
  return model;
}

/** x [rows, in] through the linear layer `name`, [rows, out]. */
const linear = (model: T5, x: tf.Tensor2D, name: string): tf.Tensor2D => model.linear.apply(x, name);

const drop = (model: T5, x: tf.Tensor2D) => dropout(x, model.dropoutRate);

const norm = (model: T5, x: tf.Tensor2D, path: string) =>
  rmsNorm(x, parameter(model.parameters, `${path}.weight`), model.config.layerNormEpsilon);

/** The keys and values of an attention, each [batch, heads, length, dKv]. */
export interface KeyValue {
  key: tf.Tensor4D;
  value: tf.Tensor4D;
}

/** The keys and values that the attention module at `path` makes of `source` [rows, dModel]. */
export function keyValue(model: T5, source: tf.Tensor2D, rows: Rows, path: string): KeyValue {
  const { numHeads } = model.config;
  return {
    key: splitHeads(linear(model, source, `${path}.k`), rows, numHeads),
    value: splitHeads(linear(model, source, `${path}.v`), rows, numHeads),
  };
}

/**
 * The attention module at `path` for the queries of `x` [rows, dModel]:
 * softmax(Q Kᵀ + bias) V, through the output layer. T5 does not divide by √dKv.
 * `bias` is broadcast to [batch, heads, queries, keys]; masked keys have a value near −3.4e38.
 */
export function attention(
  model: T5,
  x: tf.Tensor2D,
  rows: Rows,
  path: string,
  { key, value }: KeyValue,
  bias: tf.Tensor,
): tf.Tensor2D {
  return attentionBy(model, x, rows, path, (query) => attend(query, key, value, bias, model.dropoutRate));
}

/** The attention module at `path` with its queries [batch, heads, length, dKv] answered by `answer`. */
export function attentionBy(
  model: T5,
  x: tf.Tensor2D,
  rows: Rows,
  path: string,
  answer: (query: tf.Tensor4D) => tf.Tensor4D,
): tf.Tensor2D {
  const heads = answer(splitHeads(linear(model, x, `${path}.q`), rows, model.config.numHeads));
  return linear(model, mergeHeads(heads, rows), `${path}.o`);
}

/** The feed-forward module at `path`: wo · relu(wi x), or gated wo · (gelu(wi_0 x) ⊙ wi_1 x). */
export function feedForward(model: T5, x: tf.Tensor2D, path: string): tf.Tensor2D {
  const [first, gate] = innerLinears(model.config).map((name) => linear(model, x, `${path}.${name}`));
  const inner = gate ? tf.mul(gelu(first!), gate) : tf.relu(first!);
  return linear(model, drop(model, inner as tf.Tensor2D), `${path}.wo`);
}

/** A sub-layer around its module: x + dropout(module(norm(x))). */
function residual(model: T5, x: tf.Tensor2D, path: string, module: (normed: tf.Tensor2D) => tf.Tensor2D) {
  return tf.add(x, drop(model, module(norm(model, x, `${path}.layer_norm`)))) as tf.Tensor2D;
}

/** One encoder block. */
export function encoderBlock(model: T5, x: tf.Tensor2D, rows: Rows, block: number, bias: tf.Tensor) {
  const attentionPath = sublayerPath("encoder", block, "SelfAttention");
  const module = `${attentionPath}.SelfAttention`;
  x = residual(model, x, attentionPath, (h) =>
    attention(model, h, rows, module, keyValue(model, h, rows, module), bias),
  );
  const feedForwardPath = sublayerPath("encoder", block, "DenseReluDense");
  return residual(model, x, feedForwardPath, (h) =>
    feedForward(model, h, `${feedForwardPath}.DenseReluDense`),
  );
}

/** One decoder block around its two attention modules, each given its normed input and its path. */
export function decoderBlock(
  model: T5,
  x: tf.Tensor2D,
  block: number,
  selfAttention: (normed: tf.Tensor2D, path: string) => tf.Tensor2D,
  crossAttention: (normed: tf.Tensor2D, path: string) => tf.Tensor2D,
): tf.Tensor2D {
  const selfPath = sublayerPath("decoder", block, "SelfAttention");
  x = residual(model, x, selfPath, (h) => selfAttention(h, `${selfPath}.SelfAttention`));
  const crossPath = sublayerPath("decoder", block, "EncDecAttention");
  x = residual(model, x, crossPath, (h) => crossAttention(h, `${crossPath}.EncDecAttention`));
  const feedForwardPath = sublayerPath("decoder", block, "DenseReluDense");
  return residual(model, x, feedForwardPath, (h) =>
    feedForward(model, h, `${feedForwardPath}.DenseReluDense`),
  );
}

/** The keys and values of the encoder's output for every decoder block. */
export function crossKeyValues(model: T5, memory: tf.Tensor2D, rows: Rows): KeyValue[] {
  return Array.from({ length: model.config.numDecoderLayers }, (_, block) =>
    keyValue(model, memory, rows, `${sublayerPath("decoder", block, "EncDecAttention")}.EncDecAttention`),
  );
}

/** Token embeddings, [size of ids, dModel], for int32 ids [batch, length] or [rows]. */
export function embed(model: T5, ids: tf.Tensor): tf.Tensor2D {
  return drop(
    model,
    tf.gather(
      parameter(model.parameters, "shared.weight"),
      tf.reshape(ids, [-1]) as tf.Tensor1D,
    ) as tf.Tensor2D,
  );
}

/** The last norm of a stack, with its dropout. */
export function finish(model: T5, x: tf.Tensor2D, stack: Stack): tf.Tensor2D {
  return drop(model, norm(model, x, `${stack}.final_layer_norm`));
}

const MASKED = -3.4028234663852886e38;

/** An attention mask [batch, keys] (int32; 1 is a token, 0 padding) as a bias [batch, 1, 1, keys]. */
export function maskBias(mask: tf.Tensor2D): tf.Tensor4D {
  const hidden = tf.sub(tf.scalar(1), tf.cast(mask, "float32"));
  return tf.mul(tf.expandDims(tf.expandDims(hidden, 1), 1), tf.scalar(MASKED)) as tf.Tensor4D;
}

/** The bias of a stack's self-attention without masks, [1, heads, queries, keys]; see `positionBias`. */
export function selfAttentionBias(
  model: T5,
  stack: Stack,
  queryPositions: tf.Tensor1D,
  keyPositions: tf.Tensor1D,
): tf.Tensor4D {
  const table = parameter(model.parameters, positionBiasName(stack));
  return positionBias(model.config, table, stack, queryPositions, keyPositions);
}

/** The bias of the decoder's self-attention, [1, heads, queries, keys], which masks keys after the query. */
export function causalBias(model: T5, queryPositions: tf.Tensor1D, keyPositions: tf.Tensor1D): tf.Tensor {
  const later = tf.greater(tf.expandDims(keyPositions, 0), tf.expandDims(queryPositions, 1));
  return tf.add(
    selfAttentionBias(model, "decoder", queryPositions, keyPositions),
    tf.mul(tf.cast(later, "float32"), tf.scalar(MASKED)),
  );
}

/** The encoder's output [rows, dModel] for int32 ids and mask, both [batch, length]; `packed` leaves padding out. */
export function encode(
  model: T5,
  inputIds: tf.Tensor2D,
  attentionMask: tf.Tensor2D,
  packed?: PackedRows,
): tf.Tensor2D {
  const [batch, length] = inputIds.shape;
  const places = positions(length);
  const bias = tf.add(selfAttentionBias(model, "encoder", places, places), maskBias(attentionMask));
  let x = embed(model, packed ? tf.gather(tf.reshape(inputIds, [-1]), packed.positions) : inputIds);
  const rows = packed ?? batch;
  for (let block = 0; block < model.config.numLayers; block++) x = encoderBlock(model, x, rows, block, bias);
  return finish(model, x, "encoder");
}

/**
 * The decoder's output [batch · length, dModel] for all of `decoderInputIds` [batch, length] at once (teacher forcing),
 * over the encoder's output `memory` and its mask [batch, memory length].
 */
export function decode(
  model: T5,
  decoderInputIds: tf.Tensor2D,
  memory: tf.Tensor2D,
  attentionMask: tf.Tensor2D,
  memoryRows: Rows = attentionMask.shape[0],
): tf.Tensor2D {
  const [batch, length] = decoderInputIds.shape;
  const places = positions(length);
  const bias = causalBias(model, places, places);
  const memoryBias = maskBias(attentionMask);
  const memories = crossKeyValues(model, memory, memoryRows);
  let x = embed(model, decoderInputIds);
  memories.forEach((other, block) => {
    x = decoderBlock(
      model,
      x,
      block,
      (h, path) => attention(model, h, batch, path, keyValue(model, h, batch, path), bias),
      (h, path) => attention(model, h, batch, path, other, memoryBias),
    );
  });
  return finish(model, x, "decoder");
}

/** Rows of the decoder's output as the lm_head takes them, divided by √dModel where the model does so. */
function headInput(config: T5Config, hidden: tf.Tensor2D): tf.Tensor2D {
  return scalesOutputs(config) ? tf.mul(hidden, tf.scalar(config.dModel ** -0.5)) : hidden;
}

const headName = (config: T5Config) => (config.tieWordEmbeddings ? "shared" : "lm_head");

/** Logits [rows, vocabulary] for rows of the decoder's output. */
export function logits(model: T5, hidden: tf.Tensor2D): tf.Tensor2D {
  return linear(model, headInput(model.config, hidden), headName(model.config));
}

/** The decoder's input for labels [batch, length]: the start token, then all labels but the last, ignored ones as padding. */
export function shiftRight(config: T5Config, labels: tf.Tensor2D): tf.Tensor2D {
  const [batch, length] = labels.shape;
  const start = tf.fill([batch, 1], config.decoderStartTokenId, "int32");
  const shifted = tf.concat([start, tf.slice(labels, [0, 0], [batch, length - 1])], 1) as tf.Tensor2D;
  const ignored: tf.Tensor2D = tf.equal(shifted, tf.scalar(IGNORED_LABEL, "int32"));
  return tf.where(ignored, tf.fill([batch, length], config.padTokenId, "int32"), shifted);
}

/** The decoder's output for the rows of a batch that have labels, [rows, dModel]. */
function labelRows(model: T5, batch: LabelledBatch): tf.Tensor2D {
  const { inputIds, attentionMask } = batch;
  const packed = packedRows(batch);
  const memory = encode(model, inputIds, attentionMask, packed);
  const decoderInputIds = shiftRight(model.config, batch.labels);
  const hidden = decode(model, decoderInputIds, memory, attentionMask, packed);
  return batch.labelRows ? (tf.gather(hidden, batch.labelRows) as tf.Tensor2D) : hidden;
}
