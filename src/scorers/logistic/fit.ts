import { Random } from "../../random";
import { softmax } from "../scorer";
import type { Features } from "./features";

/** A text's features with its label's index. */
export interface LogisticExample {
  readonly features: Features;
  readonly label: number;
}

export interface LogisticOptions {
  /**
   * Passes over the examples.
   * @default 20
   */
  readonly epochs?: number;
  /**
   * λ of λ/2 Σ w², a share of one example's loss: how strongly weights are held to 0.
   * @default 1e-4
   */
  readonly decay?: number;
  /**
   * The rate of AdaGrad's steps.
   * @default 0.1
   */
  readonly learningRate?: number;
  /**
   * In how many examples a feature must occur to be learned.
   * @default 2
   */
  readonly least?: number;
  /** Seeds the order of examples. */
  readonly seed: number;
}

/** The weights of each label by feature, [labels] each; the feature "" is what holds without any. */
export type LogisticWeights = ReadonlyMap<string, readonly number[]>;

/**
 * Multinomial logistic regression by AdaGrad (Duchi et al., 2011), one example at a time in a seeded order:
 *
 *     p(label) = softmax(Σ over features f of x_f · w_f)
 *     L = mean of −log p(label) + λ/2 Σ w²
 *
 * A feature's decay is applied where it occurs, times how rarely it does. The mean of the weights over the last half of the
 * steps is returned, which varies less than the last. Same seed, same bits.
 *
 * @throws {RangeError} without examples
 */
export function fitLogistic(
  examples: readonly LogisticExample[],
  labels: number,
  { epochs = 20, decay = 1e-4, learningRate = 0.1, least = 2, seed }: LogisticOptions,
): LogisticWeights {
  if (examples.length === 0) throw new RangeError("a logistic model needs examples");
  const counts = new Map<string, number>();
  for (const { features } of examples)
    for (const name of features.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = ["", ...[...counts].filter(([, count]) => count >= least).map(([name]) => name)];
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const rows = examples.map(({ features, label }) => {
    const known = [...features].filter(([name]) => indexOf.has(name));
    return {
      places: Int32Array.from([0, ...known.map(([name]) => indexOf.get(name)!)]),
      values: Float64Array.from([1, ...known.map(([, value]) => value)]),
      label,
    };
  });
  // What a feature is held to 0 by at each of its examples, so that an epoch adds up to all of it.
  const held = names.map((name) => (decay * examples.length) / (counts.get(name) ?? examples.length));
  held[0] = 0;

  const size = names.length * labels;
  const [weights, squares, sums] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const order = [...rows.keys()];
  const random = new Random(seed);
  let averaged = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const at of random.shuffle(order)) step(rows[at]!);
    if (epoch < Math.floor(epochs / 2)) continue;
    for (let i = 0; i < size; i++) sums[i]! += weights[i]!;
    averaged++;
  }
  return new Map(
    names.map((name, feature) => [
      name,
      Array.from({ length: labels }, (_, k) => sums[feature * labels + k]! / averaged),
    ]),
  );

  function step({ places, values, label }: (typeof rows)[number]): void {
    const logits = new Float64Array(labels);
    places.forEach((feature, j) => {
      for (let k = 0; k < labels; k++) logits[k]! += values[j]! * weights[feature * labels + k]!;
    });
    const errors = softmax(logits);
    errors[label]! -= 1;
    places.forEach((feature, j) => {
      for (let k = 0; k < labels; k++) {
        const i = feature * labels + k;
        const gradient = errors[k]! * values[j]! + held[feature]! * weights[i]!;
        squares[i]! += gradient * gradient;
        if (squares[i]! > 0) weights[i]! -= (learningRate * gradient) / Math.sqrt(squares[i]!);
      }
    });
  }
}

/** The probabilities of the labels for a text's features. */
export function logisticProbabilities(weights: LogisticWeights, features: Features): number[] {
  const logits = [...weights.get("")!];
  for (const [name, value] of features)
    weights.get(name)?.forEach((weight, k) => (logits[k]! += value * weight));
  return softmax(logits);
}
