import * as tf from "@tensorflow/tfjs";
import { attend, type OnnxModel, positions, rotary } from "../../engine";
import { fileGraph, type FileSignature, type Named } from "../graph-file";
import { mergeHeads, type ProgramWeights, splitHeads } from "../layers";
import type { LlamaConfig } from "./config";
import { anglesOf, block, embed, finish, llama, logits, scaledAngles, visibleBias } from "./model";

/** Marker sizes of the dimensions that stay open, by the names that a file shows. The total length is past and new tokens. */
const OPEN = {
  batch_size: 7901,
  past_sequence_length: 7933,
  sequence_length: 7937,
  total_sequence_length: 7933 + 7937,
};

const int32 = (...shape: number[]) => ({ dtype: "int32", shape }) as const;
const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;

/**
 * A Llama as Transformers.js runs it, with a cache: `input_ids`, `attention_mask` over past and new tokens, `position_ids` and
 * `past_key_values.N.{key,value}` → `logits` and `present.N.…`. Padding may stand anywhere: the mask says where, the
 * positions count without it. Keys in the cache are turned by their positions already.
 */
export function decoderGraph(config: LlamaConfig, weights: ProgramWeights): OnnxModel {
  const { numLayers, numHeads, numKeyValueHeads, headDim, vocabSize } = config;
  const { batch_size: batch, past_sequence_length: past, sequence_length: length } = OPEN;
  const total = OPEN.total_sequence_length;
  const cache = float32(batch, numKeyValueHeads, past, headDim);
  const signature: FileSignature = {
    input_ids: int32(batch, length),
    attention_mask: int32(batch, total),
    position_ids: int32(batch, length),
    ...Object.fromEntries(
      Array.from({ length: numLayers }, (_, index) => [
        [`past_key_values.${index}.key`, cache] as const,
        [`past_key_values.${index}.value`, cache] as const,
      ]).flat(),
    ),
  };
  return fileGraph(weights, signature, OPEN, (parameters, inputs) => {
    const model = llama(config, parameters, { linear: weights.linear(parameters) });
    const results: Named = {};
    /** The past keys or values and the new ones behind them, which are also a result. */
    const extend = (index: number, part: "key" | "value", x: tf.Tensor2D): tf.Tensor4D => {
      const own = splitHeads(x, batch, numKeyValueHeads);
      const whole = tf.concat([inputs[`past_key_values.${index}.${part}`] as tf.Tensor4D, own], 2);
      return (results[`present.${index}.${part}`] = whole);
    };
    const keys = positions(total);
    const queries = tf.slice(keys, [past], [length]);
    const before = tf.lessEqual(tf.expandDims(keys, 0), tf.expandDims(queries, 1));
    const there = tf.notEqual(inputs["attention_mask"]!, tf.scalar(0, "int32"));
    const bias = visibleBias(tf.logicalAnd(tf.expandDims(there, 1), tf.expandDims(before, 0)));

    const angles = anglesOf(config, tf.reshape(inputs["position_ids"]!, [-1]) as tf.Tensor1D);
    const queryAngles = scaledAngles(config, angles);
    const ids = tf.reshape(inputs["input_ids"]!, [-1]) as tf.Tensor1D;
    let x = embed(model, ids);
    for (let index = 0; index < numLayers; index++) {
      x = block(model, x, index, ({ query, key, value }) => {
        const heads = attend(
          splitHeads(rotary(query, queryAngles.cos, queryAngles.sin), batch, numHeads),
          extend(index, "key", rotary(key, angles.cos, angles.sin)),
          extend(index, "value", value),
          bias,
        );
        return mergeHeads(heads, batch);
      });
    }
    const scores = logits(model, finish(model, x));
    return { logits: tf.reshape(scores, [batch, length, vocabSize]), ...results };
  });
}
