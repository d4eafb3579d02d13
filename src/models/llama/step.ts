import * as tf from "@tensorflow/tfjs";
import {
  attendExtended,
  attendGrowing,
  type ExtendedCache,
  type GrowingCache,
  positions,
  rotary,
} from "../../engine";
import { mergeHeads, splitHeads } from "../layers";
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

/** How a block's new positions are answered, from their queries, keys and values [new tokens, heads · headDim], turned. */
type Answer = (
  index: number,
  query: tf.Tensor2D,
  own: { key: tf.Tensor2D; value: tf.Tensor2D },
) => tf.Tensor2D;

/**
 * The next token's logits [outputs, vocabulary], the best token, and 0 where all logits of a row are finite (else NaN).
 *
 * @param counted the position of each token in its row
 * @param asked takes the rows of the model's output that are asked for what comes next
 */
function predict(
  model: Llama,
  tokens: tf.Tensor2D,
  counted: tf.Tensor,
  asked: (x: tf.Tensor2D) => tf.Tensor2D,
  answer: Answer,
): { logits: tf.Tensor2D; best: tf.Tensor1D; finite: tf.Tensor1D } {
  const { config } = model;
  const angles = anglesOf(config, tf.reshape(counted, [-1]) as tf.Tensor1D);
  const queryAngles = scaledAngles(config, angles);
  let x = embed(model, tokens);
  for (let index = 0; index < config.numLayers; index++) {
    x = block(model, x, index, ({ query, key, value }) => {
      const turned = rotary(query, queryAngles.cos, queryAngles.sin);
      return answer(index, turned, { key: rotary(key, angles.cos, angles.sin), value });
    });
  }
  const scores = logits(model, finish(model, asked(x)));
  const finite: tf.Tensor1D = tf.mul(tf.sum(scores, 1) as tf.Tensor1D, tf.scalar(0));
  return { logits: scores, best: tf.argMax(scores, 1) as tf.Tensor1D, finite };
}

/** What each new token [batch, length] sees: the places [positions + length] from where its row begins up to its own. */
function seenPlaces(places: tf.Tensor1D, own: tf.Tensor1D, starts: tf.Tensor1D): tf.Tensor {
  const causal = tf.lessEqual(tf.expandDims(places, 0), tf.expandDims(own, 1));
  const begun = tf.greaterEqual(tf.expandDims(places, 0), tf.expandDims(starts, 1));
  return tf.logicalAnd(tf.expandDims(causal, 0), tf.expandDims(begun, 1));
}

/**
 * What comes next ({@link predict}), and what the cache grows by: keys and values of the new positions, block by block,
 * [2 · blocks · length, batch, key heads, 1, headDim].
 */
export function step(model: Llama, { tokens, places, starts, asked, past }: StepInputs) {
  const [length] = tokens.shape;
  const [before] = past[0]!["key"]!.shape;
  const own = tf.slice(places, [before], [length]);
  const bias = tf.expandDims(visibleBias(seenPlaces(places, own, starts)), 1);
  const counted = tf.sub(tf.expandDims(own, 1), tf.expandDims(starts, 0));
  const added: tf.Tensor5D[] = [];
  const rows = (x: tf.Tensor2D) => tf.gather(x, asked) as tf.Tensor2D;
  const results = predict(model, tokens, counted, rows, (index, query, own) => {
    const { output, grown } = attendGrowing(query, own, past[index]!, bias);
    added.push(grown.key, grown.value);
    return output;
  });
  return { ...results, grown: tf.concat(added, 0) };
}

/** The inputs of a step over a cache that stays on a device. */
export interface ResidentStepInputs {
  /** int32 [batch, length] */
  tokens: tf.Tensor2D;
  /** int32 [batch]: the place where each row begins. */
  starts: tf.Tensor1D;
  /** What {@link residentStep} gave as `next` a step before. */
  past: Record<string, ExtendedCache>;
}

/** What comes next behind each row's last token ({@link predict}), and the cache with the new positions, by block. */
export function residentStep(model: Llama, { tokens, starts, past }: ResidentStepInputs) {
  const { numHeads, numKeyValueHeads, hiddenSize } = model.config;
  const [batch, length] = tokens.shape;
  const before = past[0]!.value.shape[2];
  const own = positions(length, before);
  const places = tf.concat([positions(before), own]) as tf.Tensor1D;
  const bias = visibleBias(seenPlaces(places, own, starts));
  const counted = tf.sub(tf.expandDims(own, 0), tf.expandDims(starts, 1));
  const next: Record<string, ExtendedCache> = {};
  const last = (x: tf.Tensor2D) =>
    tf.reshape(tf.gather(tf.reshape(x, [batch, length, hiddenSize]), tf.tensor1d([-1], "int32"), 1), [
      batch,
      hiddenSize,
    ]) as tf.Tensor2D; // −1 is the last one to ONNX's Gather
  const results = predict(model, tokens, counted, last, (index, query, { key, value }) => {
    const heads = {
      key: splitHeads(key, batch, numKeyValueHeads),
      value: splitHeads(value, batch, numKeyValueHeads),
    };
    const { output, cache } = attendExtended(splitHeads(query, batch, numHeads), heads, past[index]!, bias);
    next[index] = cache;
    return mergeHeads(output, batch);
  });
  return { ...results, next };
}
