import * as tf from "@tensorflow/tfjs";
import { attendGrowing, type GrowingCache, type PositionAngles } from "../../engine";
import { block, embed, finish, type Llama, logits } from "./model";

/** The inputs of a step: new tokens of a batch of rows, one token a row or many tokens of one row. */
export interface StepInputs {
  /** int32 [batch, length] */
  tokens: tf.Tensor2D;
  /** The angles of all positions so far and to come, as many as one likes. */
  angles: PositionAngles;
  /** int32 [batch]: the position of each row's last token. */
  last: tf.Tensor1D;
  /** int32 [1]: positions of the longest row, the new ones included. */
  total: tf.Tensor1D;
  /** int32 [outputs]: which of the batch · length tokens are asked for what comes next. */
  asked: tf.Tensor1D;
  /** Keys and values of earlier positions by block, [batch, key heads, capacity, width]. */
  past: Record<string, Record<keyof GrowingCache, tf.Tensor4D>>;
}

/**
 * The next token's logits [outputs, vocabulary], the best token, 0 where all logits of a row are finite (else NaN), and the
 * caches with the new positions by block.
 */
export function step(model: Llama, { tokens, angles, last, total, asked, past }: StepInputs) {
  const { config } = model;
  const present: StepInputs["past"] = {};
  let x = embed(model, tokens);
  for (let index = 0; index < config.numLayers; index++) {
    x = block(model, x, index, ({ query, key, value }) => {
      const rows = tf.concat([query, key, value], 1);
      const { output, ...grown } = attendGrowing(rows, past[index]!, angles, last, total, config.headDim);
      present[index] = grown;
      return output;
    });
  }
  const scores = logits(model, finish(model, tf.gather(x, asked) as tf.Tensor2D));
  const finite: tf.Tensor1D = tf.mul(tf.sum(scores, 1) as tf.Tensor1D, tf.scalar(0));
  return { logits: scores, best: tf.argMax(scores, 1) as tf.Tensor1D, finite, present };
}
