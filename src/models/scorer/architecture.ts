import * as tf from "@tensorflow/tfjs";
import { float32Tensor } from "../../tensors";
import type { Architecture, Model, ModelConfig } from "../architecture";
import type { LanguageModel, ModelHooks } from "../language-model";
import { dense, type LinearLayers, type NamedTensors, parameter, type ParameterSource } from "../layers";
import {
  checkHead,
  type HeadConfig,
  headFile,
  headRows,
  parseHead,
  type ScorerConfig,
  textsOf,
} from "./config";
import type { ScorerForm, TextBatch } from "./form";

/** A model that scores whole texts, as an objective sees it. */
export interface ScorerModel extends LanguageModel {
  readonly head: HeadConfig;
  /**
   * Logits of each text's labels, [texts, labels]; of a pairwise head, for which texts 2k and 2k + 1 belong together, those of
   * each pair, [texts / 2, labels]; of a reward [texts, 1].
   */
  scores(batch: TextBatch): tf.Tensor2D;
}

/** Whether a model scores texts. */
export const hasScores = (model: LanguageModel): model is ScorerModel => "scores" in model;

/**
 * Scorers on a kind of model as a kind of their own: the model's parameters that a text's state depends on, by the names that
 * transformers' class for it gives them, and the head:
 *
 *     classification, reward   logits = W s + b                               W [labels, hidden]
 *     pairwise                 logits = W₁ u + W₂ v + W₃ |u − v| + W₄ (u ⊙ v) + Σ b,   W = W₁ … W₄ below each other
 *
 * s, u and v are states of texts: of an encoder–decoder the mean of its encoder's outputs over the tokens, of a causal model its
 * output at the last token. Llamas have no b.
 *
 * @throws {Error} if this kind of model cannot be one
 */
export function scorerArchitecture<Base extends ModelConfig>(
  base: Architecture<Base>,
): Architecture<ScorerConfig<Base>> {
  const form = formOf(base);
  const weight = `${form.head}.weight`;
  const bias = `${form.head}.bias`;
  const isHead = (name: string) => name === weight || name === bias;
  const own = (name: string) => name.slice(form.prefix.length);
  const ofClass = (name: string) => form.prefix + name;

  const baseShapes = (config: Base) =>
    Object.entries(base.parameterShapes(config)).filter(([name]) => form.reads(name));

  return {
    modelType: base.modelType,
    name: form.className,
    taskType: base.taskType,
    peftTask: form.peftTask,
    defaultTargets: base.defaultTargets,
    ...(base.peftTargets && { peftTargets: base.peftTargets }),
    ...(base.targetAliases && { targetAliases: base.targetAliases }),
    ...(base.unsavable && {
      unsavable: Object.fromEntries(
        Object.entries(base.unsavable).map(([name, why]) => [ofClass(name), why]),
      ),
    }),
    parseConfig(file, source, generation) {
      const head = parseHead(file, source, base);
      // The class is the scorer's, not that of a model that writes.
      const config = base.parseConfig({ ...(file as object), architectures: null }, source, generation);
      return scorerConfig(config, head);
    },
    configFile: (config) => ({
      ...base.configFile(config.base),
      ...headFile(config, form),
      pad_token_id: config.padTokenId,
    }),
    generationConfigFile: (config) => base.generationConfigFile(config.base),
    parameterShapes(config) {
      const rows = headRows(config);
      return {
        ...Object.fromEntries(baseShapes(config.base).map(([name, shape]) => [ofClass(name), shape])),
        [weight]: [rows, form.width(config.base)],
        ...(form.headHasBias && { [bias]: [rows] }),
      };
    },
    aliases(config) {
      const all = Object.entries(base.aliases(config.base));
      const read = all.filter(([name, of]) => (of === undefined ? form.reads(name) : form.reads(of)));
      return Object.fromEntries(read.map(([name, of]) => [ofClass(name), of && ofClass(of)]));
    },
    isLinear: (name, shape) => !isHead(name) && base.isLinear(own(name), shape),
    isMultiplied: () => false,
    keepsPrecision: (name) => isHead(name) || base.keepsPrecision(own(name)),
    blockOf: (name) => (isHead(name) ? undefined : base.blockOf(own(name))),
    ...(base.recomputes && { recomputes: true }),
    model(config, parameters, hooks = {}): ScorerModel {
      const inner = withoutPrefix(parameters, form.prefix);
      const linear = hooks.linear ? renamed(hooks.linear, ofClass) : dense(inner);
      const baseHooks: ModelHooks = { ...hooks, linear };
      const states = form.states(config.base, inner, baseHooks);
      const { kind, labels } = config;
      return {
        ...base.model(config.base, inner, baseHooks),
        head: { kind, labels },
        scores(batch) {
          const head = {
            weight: parameter(parameters, weight) as tf.Tensor2D,
            bias: parameters[bias] as tf.Tensor1D | undefined,
          };
          return textsOf(kind) === 2 ? pairLogits(states(batch), head) : logits(states(batch), head);
        },
      };
    },
    createGenerator: () =>
      Promise.reject(
        new Error(`a ${form.className} scores texts and writes none: take the model that it stands on`),
      ),
  };
}

/** A model with a fresh head, which is 0: all labels are equally likely. What it reads of the model's parameters is not copied. */
export function scorerModel<Base extends ModelConfig>(
  { architecture: base, config, parameters }: Model<Base>,
  head: HeadConfig,
): Model<ScorerConfig<Base>> {
  checkHead(head);
  const architecture = scorerArchitecture(base);
  const { prefix } = formOf(base);
  const whole = scorerConfig(config, head);
  const inside = new Set(Object.keys(base.parameterShapes(config)).map((name) => prefix + name));
  const fresh = new Map(
    Object.entries(architecture.parameterShapes(whole))
      .filter(([name]) => !inside.has(name))
      .map(([name, shape]) => [
        name,
        float32Tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1))),
      ]),
  );
  const ofModel = (name: string) => (inside.has(name) ? name.slice(prefix.length) : undefined);
  const source: ParameterSource = {
    get(name) {
      const own = ofModel(name);
      return own === undefined ? fresh.get(name) : parameters.get(own);
    },
    rounded(name) {
      const own = ofModel(name);
      const found = own === undefined ? undefined : parameters.rounded?.(own);
      if (!found) return undefined;
      const parts = Object.entries(found.tensors).map(([part, tensor]) => [prefix + part, tensor]);
      return { ...found, tensors: Object.fromEntries(parts) as typeof found.tensors };
    },
  };
  return { architecture, config: whole, parameters: source };
}

/** What an adapter for a scorer saves whole beside A and B: its head. */
export const headModules = ({ scorer }: Pick<Architecture, "scorer">): string[] =>
  scorer ? [scorer.head] : [];

function formOf<Base extends ModelConfig>({ name, scorer }: Architecture<Base>): ScorerForm<Base> {
  if (!scorer) throw new Error(`a ${name} has no form with a head for whole texts: take a T5 or a Llama`);
  return scorer;
}

const scorerConfig = <Base extends ModelConfig>(base: Base, head: HeadConfig): ScorerConfig<Base> => ({
  base,
  kind: head.kind,
  labels: head.labels,
  vocabSize: base.vocabSize,
  padTokenId: base.padTokenId,
  ...(base.maxPositions !== undefined && { maxPositions: base.maxPositions }),
});

interface Head {
  readonly weight: tf.Tensor2D;
  readonly bias: tf.Tensor1D | undefined;
}

function logits(states: tf.Tensor2D, { weight, bias }: Head): tf.Tensor2D {
  const product: tf.Tensor2D = tf.matMul(states, weight, false, true);
  return bias ? tf.add(product, bias) : product;
}

function pairLogits(states: tf.Tensor2D, { weight, bias }: Head): tf.Tensor2D {
  const [texts, width] = states.shape;
  const pairs = tf.reshape(states, [texts / 2, 2 * width]) as tf.Tensor2D;
  const [u, v] = tf.split(pairs, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const parts = [u, v, tf.abs(tf.sub(u, v)), tf.mul(u, v)] as tf.Tensor2D[];
  const weights = tf.split(weight, parts.length, 0) as tf.Tensor2D[];
  const biases = bias ? (tf.split(bias, parts.length) as tf.Tensor1D[]) : [];
  return parts
    .map((part, i) => logits(part, { weight: weights[i]!, bias: biases[i] }))
    .reduce((sum, part) => tf.add(sum, part));
}

function withoutPrefix(parameters: NamedTensors, prefix: string): NamedTensors {
  if (prefix === "") return parameters;
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

const renamed = (linear: LinearLayers, rename: (name: string) => string): LinearLayers => ({
  apply: (x, name) => linear.apply(x, rename(name)),
  denseWeight: (name) => linear.denseWeight(rename(name)),
  rows: (ids, name, width) => linear.rows(ids, rename(name), width),
});
