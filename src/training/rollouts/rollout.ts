import type { Objective } from "../objective";

/** What a policy answered to a prompt, in token ids. */
export interface Completion {
  /** At least one. */
  readonly promptIds: readonly number[];
  /** At least one; the token that ended it included. */
  readonly completionIds: readonly number[];
  /** Whether it ended by itself; one that did not was cut. */
  readonly ended: boolean;
}

/** A completion with its score and what policy and reference make of its tokens. */
export interface Rollout extends Completion {
  /** Completions of one prompt have the same number. */
  readonly group: number;
  readonly score: number;
  /** Of the policy that sampled it, one a token, in nats. */
  readonly logprobs: ArrayLike<number>;
  /** Of the reference, one a token, in nats. */
  readonly referenceLogprobs: ArrayLike<number>;
  /** Values of the states before each token and, if it ended below the limit, behind the last; where the objective needs them. */
  readonly values?: ArrayLike<number>;
}

/** What an objective makes of rollouts before it learns from them. */
export interface Lesson {
  /** Inputs of the objective by name: for each rollout a number for each of its steps. */
  readonly perStep: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** Inputs by name: a number for each rollout. */
  readonly perRollout: Readonly<Record<string, readonly number[]>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * An objective that learns from what the policy did. Beside a labelled batch it is given, by name and float32:
 *
 *     completionMask     [rows, steps]: 1 for a token of a completion, else 0
 *     logprobs           [rows, steps] of the policy that sampled, 0 where there is no token
 *     referenceLogprobs  [rows, steps]
 *     klCoefficient      []
 *     whatever its lesson has: [rows, steps], 0 where there is no step, and [rows, 1]
 *
 * The rows of the model's predictions are [rows · steps], those of a completion one after the other.
 */
export interface OnlineObjective extends Objective {
  /** What logits are divided by, in sampling and learning alike. */
  readonly temperature: number;
  /** Whether rollouts need values, and batches the step behind a completion's end. */
  readonly needsValues: boolean;
  /** Completions of one prompt that it needs to tell good from bad. */
  readonly leastInGroup: number;
  /** Rewards and advantages of an iteration's rollouts. */
  learnFrom(rollouts: readonly Rollout[], klCoefficient: number): Lesson;
}
