import * as tf from "@tensorflow/tfjs";
import type { Architecture, Model, ModelConfig } from "../architecture";
import type { LanguageModel } from "../language-model";
import { dense } from "../layers";
import type { TextBatch } from "./form";

/** A model that makes vectors of texts, as an objective sees it. */
export interface TextEncoder extends LanguageModel {
  /** A vector of length 1 for each text of a batch, [texts, width]. */
  vectors(batch: TextBatch): tf.Tensor2D;
}

/** Whether a model makes vectors of texts. */
export const hasVectors = (model: LanguageModel): model is TextEncoder => "vectors" in model;

/** Keeps a row that fills up a batch from being divided by 0. */
const TINY = 1e-12;

/**
 * A model that makes vectors of texts, s / ‖s‖: of an encoder–decoder s is the mean of its encoder's outputs over the tokens (and
 * the decoder is not read), of a causal model its output at the last token. Parameters keep their names; none is copied.
 *
 * @throws {Error} if this kind of model says nothing of whole texts
 */
export function textEncoder<Config extends ModelConfig>(model: Model<Config>): Model<Config> {
  const { scorer, ...base } = model.architecture;
  if (!scorer) throw new Error(`a ${base.name} makes no vectors of texts: take a T5 or a Llama`);
  const architecture: Architecture<Config> = {
    ...base,
    peftTask: "FEATURE_EXTRACTION",
    parameterShapes: (config) =>
      Object.fromEntries(Object.entries(base.parameterShapes(config)).filter(([name]) => scorer.reads(name))),
    aliases: (config) =>
      Object.fromEntries(
        Object.entries(base.aliases(config)).filter(([name, of]) => scorer.reads(of ?? name)),
      ),
    model(config, parameters, hooks = {}): TextEncoder {
      const states = scorer.states(config, parameters, {
        ...hooks,
        linear: hooks.linear ?? dense(parameters),
      });
      return {
        ...base.model(config, parameters, hooks),
        vectors(batch) {
          const rows = states(batch);
          return tf.div(rows, tf.maximum(tf.sqrt(tf.sum(tf.square(rows), 1, true)), tf.scalar(TINY)));
        },
      };
    },
    createGenerator: () =>
      Promise.reject(new Error("an encoder of texts writes none: take the model that it is of")),
  };
  return { ...model, architecture };
}
