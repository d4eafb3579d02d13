import * as tf from "@tensorflow/tfjs";
import { attend, recompute, rmsNorm, rotary, rotaryAngles, swiglu } from "../../engine";
import { withLabelHead } from "../label-head";
import { type LabelledBatch, type LanguageModel, type ModelHooks, packedRows } from "../language-model";
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
import type { LlamaConfig } from "./config";
import { blockPath, EMBEDDING_LAYER, FINAL_NORM } from "./parameters";
import { rotaryFrequencies } from "./rotary";

/** What a model's functions need at hand. Activations are matrices whose rows are the tokens, batch by batch. */
export interface Llama extends LanguageModel {
  readonly config: LlamaConfig;
  /** Tensors by their Hugging Face names (see `parameterShapes`). */
  readonly parameters: NamedTensors;
  readonly linear: LinearLayers;
  /** Share of attention weights that dropout sets to zero; 0 is none. */
  readonly dropoutRate: number;
  /** Whether each block is computed once more for its gradient, instead of kept; see `recompute`. */
  readonly recompute: boolean;
}

/** A Llama over parameters that are tensors now or will be when a recorded program runs. */
export function llama(
  config: LlamaConfig,
  parameters: NamedTensors,
  { linear = dense(parameters), training = false, recompute = false }: ModelHooks = {},
): Llama {
  const model: Llama = {
    config,
    parameters,
    linear,
    dropoutRate: training ? config.attentionDropout : 0,
    recompute,
    ...withLabelHead({ states: (batch) => labelRows(model, batch), linear, head: headName(config) }),
  };
  return model;
}

/** x [rows, in] through the linear layer `name`, with its bias where it has one, [rows, out]. */
function linear(model: Llama, x: tf.Tensor2D, name: string, bias: boolean): tf.Tensor2D {
  const product = model.linear.apply(x, name);
  return bias ? tf.add(product, parameter(model.parameters, `${name}.bias`)) : product;
}

const norm = (model: Llama, x: tf.Tensor2D, name: string) =>
  rmsNorm(x, parameter(model.parameters, name), model.config.rmsNormEpsilon);

/** cos and sin of the angles of each row's position, [rows, headDim / 2]. */
export interface Angles {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
}

/** The angles of positions [rows], which are below `most`. */
export const anglesOf = (
  { rope, headDim, maxPositions }: LlamaConfig,
  positions: tf.Tensor1D,
  most = maxPositions,
): Angles => rotaryAngles(positions, rotaryFrequencies(rope, headDim), most);

/** Queries, keys and values of rows, each [rows, its heads · headDim]; not yet turned by their positions. */
export interface Projections {
  query: tf.Tensor2D;
  key: tf.Tensor2D;
  value: tf.Tensor2D;
}

/** One block: what attention answers and what the feed-forward makes of it are each added to x [rows, hidden]. */
export function block(
  model: Llama,
  x: tf.Tensor2D,
  index: number,
  attention: (projections: Projections) => tf.Tensor2D,
): tf.Tensor2D {
  const path = blockPath(index);
  const { biases } = model.config;
  const answer = attention(projections(model, norm(model, x, `${path}.input_layernorm.weight`), path));
  const added: tf.Tensor2D = tf.add(x, linear(model, answer, `${path}.self_attn.o_proj`, biases.output));
  const normed = norm(model, added, `${path}.post_attention_layernorm.weight`);
  return tf.add(added, feedForward(model, normed, path));
}

function projections(model: Llama, x: tf.Tensor2D, path: string): Projections {
  const { biases, headNorms, headDim } = model.config;
  const project = (part: "q" | "k" | "v") => linear(model, x, `${path}.self_attn.${part}_proj`, biases.qkv);
  const normed = (part: "q" | "k"): tf.Tensor2D => {
    const whole = project(part);
    if (!headNorms) return whole;
    const heads = tf.reshape(whole, [-1, headDim]) as tf.Tensor2D;
    return tf.reshape(norm(model, heads, `${path}.self_attn.${part}_norm.weight`), whole.shape);
  };
  return { query: normed("q"), key: normed("k"), value: project("v") };
}

/** down (silu(gate x) ⊙ up x), [rows, hidden]. */
function feedForward(model: Llama, x: tf.Tensor2D, path: string): tf.Tensor2D {
  const { feedForward: bias } = model.config.biases;
  const [gate, up] = ["gate_proj", "up_proj"].map((name) => linear(model, x, `${path}.mlp.${name}`, bias));
  return linear(model, swiglu(gate!, up!), `${path}.mlp.down_proj`, bias);
}

/** Token embeddings, [size of ids, hidden], for int32 ids. */
export function embed({ config, linear }: Llama, ids: tf.Tensor): tf.Tensor2D {
  return linear.rows(tf.reshape(ids, [-1]) as tf.Tensor1D, EMBEDDING_LAYER, config.hiddenSize);
}

/** The norm behind the last block. */
export const finish = (model: Llama, x: tf.Tensor2D): tf.Tensor2D => norm(model, x, FINAL_NORM);

/** Angles of queries that divide them by √headDim as well, which attention leaves out. */
export function scaledAngles({ headDim }: LlamaConfig, { cos, sin }: Angles): Angles {
  const scale = tf.scalar(headDim ** -0.5);
  return { cos: tf.mul(cos, scale), sin: tf.mul(sin, scale) };
}

/** What a block's gradient may be asked for: its parameters that are no whole numbers, adapters and scales included. */
const blockParameters = ({ parameters }: Llama, index: number): tf.Tensor[] =>
  Object.entries(parameters).flatMap(([name, tensor]) =>
    name.startsWith(`${blockPath(index)}.`) && tensor.dtype === "float32" ? [tensor] : [],
  );

const MASKED = -3.4028234663852886e38;

/** What attention adds to its scores, [batch, 1, queries, keys]: nothing where a query sees a key, bool [batch, queries, keys]. */
export function visibleBias(sees: tf.Tensor): tf.Tensor {
  return tf.expandDims(tf.mul(tf.sub(tf.scalar(1), tf.cast(sees, "float32")), tf.scalar(MASKED)), 1);
}

/**
 * The model's output [rows, hidden] for ids and their mask, both int32 [batch, length]; `packed` leaves padding out. Tokens of
 * one number in the mask are one sequence: each sees those of its own before it, and its positions count from 0.
 */
export function decode(
  model: Llama,
  inputIds: tf.Tensor2D,
  attentionMask: tf.Tensor2D,
  packed?: PackedRows,
): tf.Tensor2D {
  const { config } = model;
  const [batch, length] = inputIds.shape;
  const places = tf.range(0, length, 1, "int32");
  const before = tf.lessEqual(tf.expandDims(places, 0), tf.expandDims(places, 1));
  const same = tf.equal(tf.expandDims(attentionMask, 1), tf.expandDims(attentionMask, 2));
  const sees = tf.logicalAnd(same, tf.expandDims(before, 0));
  const bias = visibleBias(sees);
  const seen = tf.sum(tf.cast(sees, "float32"), 2);
  const counted = tf.sub(tf.reshape(seen, [-1]), tf.scalar(1)) as tf.Tensor1D;
  const keep = <T extends tf.Tensor>(x: T): T => (packed ? (tf.gather(x, packed.positions) as T) : x);
  const rows: Rows = packed ?? batch;

  const angles = anglesOf(config, keep(counted), length);
  const queryAngles = scaledAngles(config, angles);
  const given = [bias, queryAngles.cos, queryAngles.sin, angles.cos, angles.sin];
  let x = embed(model, keep(tf.reshape(inputIds, [-1])));
  for (let index = 0; index < config.numLayers; index++) {
    const layer = (x: tf.Tensor, ...[bias, queryCos, querySin, keyCos, keySin]: tf.Tensor[]) =>
      block(model, x as tf.Tensor2D, index, ({ query, key, value }) => {
        const heads = attend(
          splitHeads(rotary(query, queryCos as tf.Tensor2D, querySin as tf.Tensor2D), rows, config.numHeads),
          splitHeads(
            rotary(key, keyCos as tf.Tensor2D, keySin as tf.Tensor2D),
            rows,
            config.numKeyValueHeads,
          ),
          splitHeads(value, rows, config.numKeyValueHeads),
          bias!,
          model.dropoutRate,
        );
        return mergeHeads(heads, rows);
      });
    x = model.recompute
      ? recompute(
          layer as (...inputs: tf.Tensor[]) => tf.Tensor2D,
          [x, ...given],
          blockParameters(model, index),
        )
      : layer(x, ...given);
  }
  return finish(model, x);
}

const headName = (config: LlamaConfig) => (config.tieWordEmbeddings ? EMBEDDING_LAYER : "lm_head");

/** Logits [rows, vocabulary] for rows of the model's output. */
export function logits(model: Llama, hidden: tf.Tensor2D): tf.Tensor2D {
  return model.linear.apply(hidden, headName(model.config));
}

/** The outputs from which the labels of a batch are predicted, those of the positions before them, [rows, hidden]. */
function labelRows(model: Llama, batch: LabelledBatch): tf.Tensor2D {
  const { inputIds, attentionMask } = batch;
  const [size, length] = inputIds.shape;
  const packed = packedRows(batch);
  const hidden = decode(model, inputIds, attentionMask, packed);
  const labelled = batch.labelRows ?? (tf.range(0, size * length, 1, "int32") as tf.Tensor1D);
  const before = tf.maximum(tf.sub(labelled, tf.scalar(1, "int32")), tf.scalar(0, "int32")) as tf.Tensor1D;
  return tf.gather(hidden, packed ? (tf.gather(packed.rows, before) as tf.Tensor1D) : before) as tf.Tensor2D;
}
