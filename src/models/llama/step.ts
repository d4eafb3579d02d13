import * as tf from "@tensorflow/tfjs";
import { attendGrowing, type GrowingCache, rotary } from "../../engine";
import { anglesOf, block, embed, finish, type Llama, logits, scaledAngles, visibleBias } from "./model";

/** The inputs of a step: new tokens of a batch of rows, one token a row or many tokens of one row. */
export interface StepInputs {
  /** int32 [length, batch] */
  tokens: tf.Tensor2D;
  /** int32 [positions + length]: 0, 1, …, the places of the cache and of what is new behind it. */
  places: tf.Tensor1D;
  /** int32 [batch]: the place where each row begins. */
  starts: tf.Tensor1D;
  /** int32 [outputs]: which of the length · batch tokens are asked for what comes next. */
  asked: tf.Tensor1D;
  /** Keys and values of earlier positions by block. */
  past: Record<string, Record<keyof GrowingCache, tf.Tensor5D>>;
}

/**
 * The next token's logits [outputs, vocabulary], the best token, 0 where all logits of a row are finite (else NaN), and what
 * the cache grows by: keys and values of the new positions, block by block, [2 · blocks · length, batch, key heads, 1, headDim].
 */
export function step(model: Llama, { tokens, places, starts, asked, past }: StepInputs) {
  const { config } = model;
  const [length] = tokens.shape;
  const [before] = past[0]!["key"]!.shape;
  const own = tf.slice(places, [before], [length]);
  const causal = tf.lessEqual(tf.expandDims(places, 0), tf.expandDims(own, 1));
  const begun = tf.greaterEqual(tf.expandDims(places, 0), tf.expandDims(starts, 1));
  const sees = tf.logicalAnd(tf.expandDims(causal, 0), tf.expandDims(begun, 1));
  const bias = tf.expandDims(visibleBias(sees), 1);
  const counted = tf.sub(tf.expandDims(own, 1), tf.expandDims(starts, 0));

  const angles = anglesOf(config, tf.reshape(counted, [-1]) as tf.Tensor1D);
  const queryAngles = scaledAngles(config, angles);
  const added: tf.Tensor5D[] = [];
  let x = embed(model, tokens);
  for (let index = 0; index < config.numLayers; index++) {
    x = block(model, x, index, ({ query, key, value }) => {
      const turned = rotary(query, queryAngles.cos, queryAngles.sin);
      const own = { key: rotary(key, angles.cos, angles.sin), value };
      const { output, grown } = attendGrowing(turned, own, past[index]!, bias);
      added.push(grown.key, grown.value);
      return output;
    });
  }
  const scores = logits(model, finish(model, tf.gather(x, asked) as tf.Tensor2D));
  const finite: tf.Tensor1D = tf.mul(tf.sum(scores, 1) as tf.Tensor1D, tf.scalar(0));
  const best = tf.argMax(scores, 1) as tf.Tensor1D;
  return { logits: scores, best, finite, grown: tf.concat(added, 0) };
}
