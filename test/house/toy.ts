/** A kind of model and an objective that the library does not know: what a newcomer would write to add them. */
import * as tf from "@tensorflow/tfjs";
import type { Architecture, ModelConfig } from "../../src/models/architecture";
import type { Decoder, GenerativeModel } from "../../src/models/generative";
import { withLabelHead } from "../../src/models/label-head";
import {
  type LabelledBatch,
  labelIndices,
  labelShares,
  type LanguageModel,
} from "../../src/models/language-model";
import { dense, parameter } from "../../src/models/layers/linear";
import { needParameter, type ParameterSource } from "../../src/models/layers/weights";
import type { TokenBatch } from "../../src/models/tokenizer/tokenizer";
import { Random } from "../../src/random/random";
import { float32Tensor } from "../../src/tensors/tensor";
import type { Objective } from "../../src/training/objective";

export interface BigramConfig extends ModelConfig {
  readonly width: number;
  readonly eosTokenId: number;
}

/** A causal model that knows the last token only: logits = lm_head (embedding + mix · embedding). */
export const bigramArchitecture: Architecture<BigramConfig> = {
  modelType: "bigram",
  name: "bigram model",
  taskType: "CAUSAL_LM",
  defaultTargets: ["mix"],
  parseConfig: (file) => file as BigramConfig,
  configFile: (config) => ({ model_type: "bigram", ...config }),
  generationConfigFile: ({ eosTokenId }) => ({ eos_token_id: eosTokenId }),
  parameterShapes: ({ vocabSize, width }) => ({
    "embedding.weight": [vocabSize, width],
    "layers.0.mix.weight": [width, width],
    "lm_head.weight": [vocabSize, width],
  }),
  aliases: () => ({}),
  isLinear: (name) => name !== "embedding.weight",
  isMultiplied: (_, name) => name !== "embedding.weight",
  keepsPrecision: (name) => name === "lm_head.weight",
  blockOf: (name) => (name.startsWith("layers.0.") ? { stack: "layers", block: 0 } : undefined),
  model(_config, parameters, { linear = dense(parameters) } = {}): LanguageModel {
    const states = ({ inputIds, labelRows }: LabelledBatch) => {
      const [rows, length] = inputIds.shape;
      const before = tf.slice(inputIds, [0, 0], [rows, length - 1]);
      const last = tf.reshape(tf.concat([tf.zeros([rows, 1], "int32"), before], 1), [-1]);
      const ids = labelRows ? tf.gather(last, labelRows) : last;
      const x = tf.gather(parameter(parameters, "embedding.weight"), ids as tf.Tensor1D) as tf.Tensor2D;
      return tf.add(x, linear.apply(x, "layers.0.mix")) as tf.Tensor2D;
    };
    return withLabelHead({ states, linear, head: "lm_head" });
  },
  createGenerator: async ({ config, parameters }) => new Bigrams(config, parameters),
};

class Bigrams implements GenerativeModel {
  readonly taskType = "CAUSAL_LM";
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;
  constructor(
    private readonly config: BigramConfig,
    private readonly parameters: ParameterSource,
  ) {
    this.stopTokenIds = [config.eosTokenId];
    this.padTokenId = config.padTokenId;
  }

  async startDecoder({ inputIds, lengths }: TokenBatch, rowsPerInput: number): Promise<Decoder> {
    const [, width] = inputIds.shape as [number, number];
    const prompts = lengths.flatMap((length, i) =>
      Array.from({ length: rowsPerInput }, () => [...inputIds.data.subarray(i * width, i * width + length)]),
    );
    const nextLogits = async (tokens: Int32Array) =>
      tf.tidy(() => {
        const names = Object.keys(bigramArchitecture.parameterShapes(this.config));
        const weights = Object.fromEntries(
          names.map((name) => {
            const { shape, data } = needParameter(this.parameters, name);
            return [name, tf.tensor(data, [...shape])];
          }),
        );
        // The token fed is the one before a position whose label is asked for.
        const inputIds = tf.stack([tf.tensor1d(tokens, "int32"), tf.zeros([tokens.length], "int32")], 1);
        const labelRows = tf.range(1, 2 * tokens.length, 2, "int32");
        const batch = { inputIds, labelRows } as unknown as LabelledBatch;
        return bigramArchitecture.model(this.config, weights).labelLogits(batch).dataSync() as Float32Array;
      });
    const { vocabSize } = this.config;
    const rows = (values: Float32Array) =>
      Array.from({ length: values.length / vocabSize }, (_, i) =>
        values.subarray(i * vocabSize, (i + 1) * vocabSize),
      );
    return {
      vocabularySize: vocabSize,
      prompts,
      nextLogits,
      nextTokens: async (tokens) =>
        Int32Array.from(rows(await nextLogits(tokens)), (row) => row.indexOf(Math.max(...row))),
      nextLogProbabilities: async (tokens) =>
        Float32Array.from(
          rows(await nextLogits(tokens)).flatMap((row) => {
            const norm = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
            return [...row.map((x) => x - norm)];
          }),
        ),
      select() {},
      dispose() {},
    };
  }

  async dispose(): Promise<void> {}
}

/** Cross-entropy with a bonus on the entropy of the predictions; logs how often the best token is the label. */
export function boldObjective(bonus: number): Objective {
  return {
    measure(model, tensors) {
      const batch = tensors as unknown as LabelledBatch;
      const logits = model.labelLogits(batch);
      const shares = labelShares(batch);
      const mean = (values: tf.Tensor) => ({
        sum: tf.sum(tf.mul(values, shares)) as tf.Scalar,
        count: tf.sum(shares) as tf.Scalar,
      });
      const entropy = tf.neg(tf.sum(tf.mul(tf.softmax(logits), tf.logSoftmax(logits)), 1));
      const hits = tf.cast(tf.equal(tf.argMax(logits, 1), labelIndices(batch)), "float32");
      const loss = tf.sub(model.labelLosses(batch), tf.mul(entropy, tf.scalar(bonus)));
      return { loss: mean(loss), metrics: { accuracy: mean(hits), entropy: mean(entropy) } };
    },
    fingerprint: { objective: "bold", bonus },
  };
}

/** A bigram model with seeded random weights. */
export function bigrams(config: BigramConfig) {
  const random = new Random(3);
  const shapes = Object.entries(bigramArchitecture.parameterShapes(config));
  const parameters = new Map(
    shapes.map(([name, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [
        name,
        float32Tensor(
          shape,
          Float32Array.from({ length: size }, () => 0.5 * random.normal()),
        ),
      ];
    }),
  );
  return { architecture: bigramArchitecture, config, parameters };
}
