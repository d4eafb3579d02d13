import type { Unscorable } from "../judges";

export type { Unscorable };

/** What a reward judges: a completion in the place where it stands. Plain data, so that answers can be kept under its hash. */
export interface RewardCase {
  /** What the model read, as text. */
  readonly prompt: string;
  /** What it answered, as text without control tokens. */
  readonly completion: string;
  /** Tokens of the completion, the one that ended it included. */
  readonly tokens: number;
  /** Whether it ended by itself; one that did not was cut. */
  readonly ended: boolean;
  /** What else the prompt's row says: `messages`, where it is of messages, and its `meta`. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** How good a completion is, or why nobody can tell. */
export type Score = number | Unscorable;

/** Says how good completions are. */
export interface Reward {
  /** What the log and sentences call it. */
  readonly name: string;
  /**
   * The score of each case, in order. What takes its time returns a promise, and policies go on answering meanwhile.
   *
   * @throws {Error} if it cannot judge now but might later: a training ends there and can be taken up again
   */
  score(cases: readonly RewardCase[]): readonly Score[] | Promise<readonly Score[]>;
  /**
   * What a row lacks to be scored by it, and how to mend that; undefined where nothing is missing. Without it every row will do.
   *
   * @throws {Error} if what the row says of it is of another form
   */
  lacks?(about: RewardCase["about"]): string | undefined;
  /** What identifies it, its settings included. */
  readonly fingerprint: unknown;
}

/** Whether a score is one. */
export const isScored = (score: Score): score is number => typeof score === "number";

/**
 * The scores of cases, checked.
 *
 * @throws {Error} if there are not as many as cases, or if one is no finite number, by the reward's name
 */
export async function scoreCases(reward: Reward, cases: readonly RewardCase[]): Promise<readonly Score[]> {
  const scores = await reward.score(cases);
  if (scores.length !== cases.length)
    throw new Error(`the reward ${reward.name} gave ${scores.length} scores for ${cases.length} cases`);
  scores.forEach((score, i) => {
    if (isScored(score) && !Number.isFinite(score))
      throw new Error(
        `the reward ${reward.name} gave ${score} for "${cases[i]!.completion}": a score is a finite number, and what has ` +
          `none is { unscorable: "why" }`,
      );
  });
  return scores;
}
