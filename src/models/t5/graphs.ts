import * as tf from "@tensorflow/tfjs";
import { type OnnxModel, positions } from "../../engine";
import { fileGraph, type FileSignature, type Named } from "../graph-file";
import type { ProgramWeights } from "../layers";
import type { T5Config } from "./config";
import {
  attention,
  causalBias,
  decoderBlock,
  embed,
  encode,
  finish,
  type KeyValue,
  keyValue,
  logits,
  maskBias,
  type T5,
  t5,
} from "./model";

/**
 * Marker sizes of the dimensions that stay open, by the names that a file shows. The decoder's encoder length is what it
 * has keys and values of already and what is new; its total length likewise.
 */
const OPEN = {
  batch_size: 7901,
  past_encoder_sequence_length: 7933,
  new_encoder_sequence_length: 7937,
  encoder_sequence_length: 7933 + 7937,
  past_decoder_sequence_length: 7949,
  decoder_sequence_length: 7951,
  total_decoder_sequence_length: 7949 + 7951,
};

const int32 = (...shape: number[]) => ({ dtype: "int32", shape }) as const;
const float32 = (...shape: number[]) => ({ dtype: "float32", shape }) as const;

/** A file of a T5 over its weights. */
const t5Graph = (
  config: T5Config,
  weights: ProgramWeights,
  signature: FileSignature,
  fn: (model: T5, inputs: Named) => Named,
): OnnxModel =>
  fileGraph(weights, signature, OPEN, (parameters, inputs) =>
    fn(t5(config, parameters, { linear: weights.linear(parameters) }), inputs),
  );

/** The encoder as Transformers.js runs it: `input_ids`, `attention_mask` → `last_hidden_state`. */
export function encoderGraph(config: T5Config, weights: ProgramWeights): OnnxModel {
  const [batch, length] = [OPEN.batch_size, OPEN.encoder_sequence_length];
  const signature = { input_ids: int32(batch, length), attention_mask: int32(batch, length) };
  return t5Graph(config, weights, signature, (model, inputs) => {
    const { input_ids, attention_mask } = inputs as Record<string, tf.Tensor2D>;
    const hidden = encode(model, input_ids!, attention_mask!);
    return { last_hidden_state: tf.reshape(hidden, [batch, length, config.dModel]) };
  });
}

/**
 * The decoder as Transformers.js runs it, with a cache: `input_ids`, `encoder_hidden_states`, `encoder_attention_mask` and
 * `past_key_values.N.{decoder,encoder}.{key,value}` → `logits` and `present.N.…`. The encoder's keys and values are computed
 * for the part of `encoder_hidden_states` that the past lacks: all of it at the first step, nothing later. So one graph
 * serves both, without branches.
 */
export function decoderGraph(config: T5Config, weights: ProgramWeights): OnnxModel {
  const { numHeads, dKv, dModel, numDecoderLayers } = config;
  const batch = OPEN.batch_size;
  const encoderLength = OPEN.encoder_sequence_length;
  const length = OPEN.decoder_sequence_length;
  const cache = { decoder: OPEN.past_decoder_sequence_length, encoder: OPEN.past_encoder_sequence_length };
  const signature = Object.fromEntries<FileSignature[string]>([
    ["input_ids", int32(batch, length)],
    ["encoder_hidden_states", float32(batch, encoderLength, dModel)],
    ["encoder_attention_mask", int32(batch, encoderLength)],
    ...Array.from({ length: numDecoderLayers }, (_, block) =>
      (["decoder", "encoder"] as const).flatMap((kind) =>
        ["key", "value"].map((part) => {
          return [
            `past_key_values.${block}.${kind}.${part}`,
            float32(batch, numHeads, cache[kind], dKv),
          ] as const;
        }),
      ),
    ).flat(),
  ]);
  return t5Graph(config, weights, signature, (model, inputs) => {
    const results: Named = {};
    /** The past keys and values and the new ones behind them, which are also results. */
    const extend = (block: number, kind: string, { key, value }: KeyValue): KeyValue => {
      const whole = (part: string, own: tf.Tensor4D) => {
        const past = inputs[`past_key_values.${block}.${kind}.${part}`]!;
        return (results[`present.${block}.${kind}.${part}`] = tf.concat([past, own], 2));
      };
      return { key: whole("key", key) as tf.Tensor4D, value: whole("value", value) as tf.Tensor4D };
    };
    const newHidden = tf.slice(
      inputs["encoder_hidden_states"]!,
      [0, cache.encoder, 0],
      [batch, OPEN.new_encoder_sequence_length, dModel],
    );
    const hiddenRows = tf.reshape(newHidden, [-1, dModel]) as tf.Tensor2D;
    const memoryBias = maskBias(inputs["encoder_attention_mask"] as tf.Tensor2D);
    // Positions count from the first new token; those of the past are −1, −2, … backwards.
    const own = positions(length);
    const past = tf.sub(tf.scalar(-1, "int32"), tf.reverse(positions(cache.decoder)));
    const bias = causalBias(model, own, tf.concat([past, own]) as tf.Tensor1D);

    let x = embed(model, inputs["input_ids"] as tf.Tensor2D);
    for (let block = 0; block < numDecoderLayers; block++) {
      x = decoderBlock(
        model,
        x,
        block,
        (h, path) =>
          attention(model, h, batch, path, extend(block, "decoder", keyValue(model, h, batch, path)), bias),
        (h, path) => {
          const all = extend(block, "encoder", keyValue(model, hiddenRows, batch, path));
          return attention(model, h, batch, path, all, memoryBias);
        },
      );
    }
    const scores = logits(model, finish(model, x, "decoder"));
    return { logits: tf.reshape(scores, [batch, length, config.vocabSize]), ...results };
  });
}
