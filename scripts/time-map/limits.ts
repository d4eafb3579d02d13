/** What a machine could do at best: seconds that the products of a job take at the rate of a large product, or its bytes from memory. */
import { type LlamaConfig, parseLlamaConfig } from "../../src/models/llama";
import { parseT5Config } from "../../src/models/t5";
import { FLAN_T5_SMALL } from "../benches/shapes/flan-t5-small";
import { llamaOperations, llamaWeights, t5Operations, t5Weights } from "../benches/shapes/operations";
import { shapeConfig, type ShapeName } from "../benches/shapes/shapes";

/** What the bench `roofline` measured. */
export interface Roofline {
  readonly gflopPerSecond: number;
  readonly gigabytesPerSecond: number;
}

/** Bits that a weight takes in memory, its share of scales included; the head of a model in 4 bits has 8. */
const bits = { float32: 32, int8: 8.5, int4: 5 } as const;
export type Bits = keyof typeof bits;

const llama = (shape: ShapeName): LlamaConfig =>
  parseLlamaConfig("llama", shapeConfig(shape), "the bench's shapes");
const t5 = parseT5Config(FLAN_T5_SMALL);
const RANK = 32;

/** Seconds of operations at the machine's best. */
export const secondsOf = (operations: number, { gflopPerSecond }: Roofline): number =>
  operations / gflopPerSecond / 1e9;

/** Of a LoRA step on rows of which half the tokens have labels. */
export const causalStep = (shape: ShapeName, rows: number, length: number, at: Roofline): number =>
  secondsOf(
    llamaOperations(
      llama(shape),
      { tokens: rows * length, labelled: (rows * length) / 2, length },
      { rank: RANK },
    ),
    at,
  );

/** Of a DPO step of FLAN-T5 Small: prompts in the encoder, each for two answers of the same length. */
export const t5DpoStep = (pairs: number, length: number, at: Roofline): number =>
  secondsOf(
    t5Operations(t5, { batch: 2 * pairs, encoder: length / 2, decoder: length / 2 }, { rank: RANK }),
    at,
  );

/** Seconds to read the weights once, in so many bits. */
const reading = (
  weights: { layers: number; head: number },
  kept: Bits,
  { gigabytesPerSecond }: Roofline,
): number =>
  (weights.layers * bits[kept] + weights.head * (kept === "int4" ? bits.int8 : bits[kept])) /
  8e9 /
  gigabytesPerSecond;

/** Tokens a second of decoding: a step reads every weight once, and in float32 has its products, too. */
export function decodingRate(shape: ShapeName, kept: Bits, batch: number, at: Roofline): number {
  const weights = shape === "flan-t5-small" ? t5Weights(t5) : llamaWeights(llama(shape));
  const products = secondsOf(2 * batch * (weights.layers + weights.head), at);
  const memory = reading(weights, kept, at);
  return batch / (kept === "float32" ? Math.max(memory, products) : memory);
}

/** Tokens a second of a whole generation by FLAN-T5 Small, its encoder included. */
export function t5GenerationRate(
  kept: Bits,
  { batch, encoder, newTokens }: { batch: number; encoder: number; newTokens: number },
  at: Roofline,
): number {
  const tokens = batch * newTokens;
  const reading = secondsOf(t5Operations(t5, { batch, encoder, decoder: 0 }, { rank: 0 }, false), at);
  return (
    tokens / ((kept === "float32" ? reading : 0) + tokens / decodingRate("flan-t5-small", kept, batch, at))
  );
}

/** Of an RLOO iteration: decode, score both policy and reference once, and update. */
export function rlooIteration(
  shape: ShapeName,
  {
    prompts,
    completions,
    promptLength,
    newTokens,
  }: Record<"prompts" | "completions" | "promptLength" | "newTokens", number>,
  at: Roofline,
): number {
  const rows = prompts * completions;
  const decoding = (rows * newTokens) / decodingRate(shape, "float32", rows, at);
  const pass = (backward: boolean) => {
    if (shape === "flan-t5-small")
      return t5Operations(
        t5,
        { batch: rows, encoder: promptLength, decoder: newTokens },
        { rank: RANK },
        backward,
      );
    const length = promptLength + newTokens;
    const labelled = rows * newTokens;
    return llamaOperations(
      llama(shape),
      { tokens: rows * length, labelled, length },
      { rank: RANK },
      backward,
    );
  };
  return decoding + secondsOf(2 * pass(false) + pass(true), at);
}

/** Milliseconds to read so many megabytes of vectors. */
export const scanMs = (megabytes: number, { gigabytesPerSecond }: Roofline): number =>
  megabytes / gigabytesPerSecond;
