import type { Reward } from "./reward";

/**
 * 1 for a completion that holds a word, 0 for any other; its mean is the share of completions that hold it. Whole words, in any
 * case of letters. A toy: its optimum is known.
 */
export function wordReward(word: string): Reward {
  const wanted = word.toLowerCase();
  if (!/^[\p{L}\p{N}]+$/u.test(wanted))
    throw new RangeError(`the word of a reward must be letters and digits, not "${word}"`);
  return {
    name: "word",
    score: (cases) =>
      cases.map(({ completion }) =>
        Number(
          completion
            .toLowerCase()
            .split(/[^\p{L}\p{N}]+/u)
            .includes(wanted),
        ),
      ),
    fingerprint: { reward: "word", word: wanted },
  };
}
