import type { Random } from "../random";

export interface SamplingOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

const NO_TOKEN = "no token can be drawn: the scores have no finite maximum";

/** Tokens that may be drawn, with their probabilities, which sum to 1. */
export interface TokenDistribution {
  readonly tokens: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * The distribution to draw from: softmax(scores / temperature) over the `topK` best tokens (with those that tie with
 * the last of them; 0 for all), then over the smallest set of best tokens whose probabilities reach `topP`. At least
 * one token remains.
 *
 * @throws {Error} when no score is finite
 */
export function samplingDistribution(scores: Float32Array, options: SamplingOptions): TokenDistribution {
  const best = scores.reduce((a, b) => (b > a ? b : a), -Infinity);
  if (!Number.isFinite(best)) throw new Error(NO_TOKEN);
  const least =
    options.topK > 0 && options.topK < scores.length ? kthLargest(scores, options.topK) : -Infinity;

  let tokens: number[] = [];
  let weights: number[] = [];
  let total = 0;
  for (let token = 0; token < scores.length; token++) {
    const score = scores[token]!;
    if (!(score >= least)) continue;
    const weight = Math.exp((score - best) / options.temperature);
    if (weight === 0) continue;
    tokens.push(token);
    weights.push(weight);
    total += weight;
  }
  if (options.topP < 1) {
    // Tokens below an equal share of the tail's mass are in the tail together, so only the others need sorting.
    const share = ((1 - options.topP) * total) / tokens.length;
    const order = [...tokens.keys()]
      .filter((i) => weights[i]! >= share)
      .sort((a, b) => weights[b]! - weights[a]! || tokens[a]! - tokens[b]!);
    let reached = 0;
    let count = 0;
    while (count < order.length && (count === 0 || reached < options.topP * total)) {
      reached += weights[order[count++]!]!;
    }
    const kept = order.slice(0, count);
    [tokens, weights, total] = [kept.map((i) => tokens[i]!), kept.map((i) => weights[i]!), reached];
  }
  return { tokens, probabilities: weights.map((weight) => weight / total) };
}

/** The place of the largest value, the first of equal ones. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Draws one token from {@link samplingDistribution}: the first whose cumulative probability exceeds a uniform number.
 *
 * @throws {Error} when no score is finite
 */
export function drawToken(scores: Float32Array, options: SamplingOptions, random: Random): number {
  const isCut = options.topP < 1 || (options.topK > 0 && options.topK < scores.length);
  return isCut ? drawOf(samplingDistribution(scores, options), random) : drawOfAll(scores, options, random);
}

function drawOf({ tokens, probabilities }: TokenDistribution, random: Random): number {
  let left = random.uniform();
  let at = 0;
  for (; at < tokens.length - 1; at++) {
    left -= probabilities[at]!;
    if (left < 0) break;
  }
  return tokens[at]!;
}

/** Room for the weights of a row, as a search draws from one of the same length at every step. */
let weights = new Float64Array();

/** As {@link drawOf} over all tokens, the same token for the same numbers, without lists of them. */
function drawOfAll(
  scores: Float32Array,
  { temperature }: Pick<SamplingOptions, "temperature">,
  random: Random,
): number {
  const count = scores.length;
  if (weights.length < count) weights = new Float64Array(count);
  let best = -Infinity;
  for (let token = 0; token < count; token++) if (scores[token]! > best) best = scores[token]!;
  if (!Number.isFinite(best)) throw new Error(NO_TOKEN);
  let total = 0;
  for (let token = 0; token < count; token++)
    total += weights[token] = Math.exp((scores[token]! - best) / temperature);
  if (Number.isNaN(total)) throw new Error(NO_TOKEN);
  let left = random.uniform();
  let drawn = 0;
  for (let token = 0; token < count; token++) {
    if (weights[token] === 0) continue;
    drawn = token;
    left -= weights[token]! / total;
    if (left < 0) break;
  }
  return drawn;
}

/** The k-th largest of `values`, by keeping the k largest in a heap whose root is the least of them. */
function kthLargest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort();
  for (let i = k; i < values.length; i++) {
    const value = values[i]!;
    if (!(value > heap[0]!)) continue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= k) break;
      if (child + 1 < k && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = value;
  }
  return heap[0]!;
}
