/**
 * How many operations the matrix products of a step need, each multiplication and addition one. What a limit is made of: other
 * work (norms, softmax, dropout, the update) is not counted, and nothing twice.
 */
import type { LlamaConfig } from "../../../src/models/llama";
import type { T5Config } from "../../../src/models/t5";

/** What is trained: everything, or LoRA of a rank on every linear layer but the head. */
export type Trained = "all" | { readonly rank: number };

/** Rows of an encoder–decoder: so many, of these lengths. */
export interface T5Rows {
  readonly batch: number;
  readonly encoder: number;
  readonly decoder: number;
}

/** Rows of a causal model: tokens in all, of which some have labels (logits are of these alone), in rows of a length. */
export interface CausalRows {
  readonly tokens: number;
  readonly labelled: number;
  readonly length: number;
}

interface Products {
  /** Multiplications of the products with weights. */
  readonly weights: number;
  readonly head: number;
  readonly adapters: number;
  readonly attention: number;
}

/** Forward once, or forward and backward. The backward pass of a frozen weight is one product more, of a trained one two. */
const total = (
  { weights, head, adapters, attention }: Products,
  trained: Trained,
  backward: boolean,
): number =>
  2 *
  (backward
    ? (trained === "all" ? 3 : 2) * (weights + head) + 3 * adapters + 3 * attention
    : weights + head + adapters + attention);

/** Operations of T5's shapes with as many layers in the encoder as in the decoder. */
export function t5Operations(config: T5Config, rows: T5Rows, trained: Trained, backward = true): number {
  const { dModel, dFf, numHeads, dKv, numLayers, vocabSize } = config;
  const inner = numHeads * dKv;
  const { batch, encoder, decoder } = rows;
  const linears = (of: (input: number, output: number) => number) => {
    const attention = 3 * of(dModel, inner) + of(inner, dModel);
    const feedForward = 2 * of(dModel, dFf) + of(dFf, dModel);
    const own = batch * numLayers * (encoder + decoder) * (attention + feedForward);
    const cross = batch * numLayers * (decoder + encoder) * 2 * of(dModel, inner);
    return own + cross;
  };
  const rank = trained === "all" ? 0 : trained.rank;
  return total(
    {
      weights: linears((input, output) => input * output),
      head: batch * decoder * dModel * vocabSize,
      adapters: linears((input, output) => rank * (input + output)),
      attention: 2 * batch * numLayers * inner * (encoder ** 2 + decoder ** 2 + decoder * encoder),
    },
    trained,
    backward,
  );
}

/** Shapes of a Llama's linear layers, [input, output] each, without the head. */
function linearsOf(config: LlamaConfig): [input: number, output: number][] {
  const { hiddenSize, intermediateSize, numHeads, numKeyValueHeads, headDim } = config;
  return [
    [hiddenSize, numHeads * headDim],
    [hiddenSize, numKeyValueHeads * headDim],
    [hiddenSize, numKeyValueHeads * headDim],
    [numHeads * headDim, hiddenSize],
    [hiddenSize, intermediateSize],
    [hiddenSize, intermediateSize],
    [intermediateSize, hiddenSize],
  ];
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Weights that every generated token is multiplied with: all linear layers, and the head. */
export function llamaWeights(config: LlamaConfig): { layers: number; head: number } {
  const layers = config.numLayers * sum(linearsOf(config).map(([input, output]) => input * output));
  return { layers, head: config.hiddenSize * config.vocabSize };
}

/** Operations of a Llama's shapes; a token attends to those before it, half of its row on average. */
export function llamaOperations(
  config: LlamaConfig,
  { tokens, labelled, length }: CausalRows,
  trained: Trained,
  backward = true,
): number {
  const { layers } = llamaWeights(config);
  const rank = trained === "all" ? 0 : trained.rank;
  const adapters = sum(linearsOf(config).map(([input, output]) => rank * (input + output)));
  return total(
    {
      weights: tokens * layers,
      head: labelled * config.hiddenSize * config.vocabSize,
      adapters: tokens * config.numLayers * adapters,
      attention: tokens * length * config.numLayers * config.numHeads * config.headDim,
    },
    trained,
    backward,
  );
}

/** Weights that T5's decoder multiplies every generated token with; keys and values of the input are there already. */
export function t5Weights({ dModel, dFf, numHeads, dKv, numDecoderLayers, vocabSize }: T5Config): {
  layers: number;
  head: number;
} {
  const layers = numDecoderLayers * (6 * dModel * numHeads * dKv + 3 * dModel * dFf);
  return { layers, head: dModel * vocabSize };
}
