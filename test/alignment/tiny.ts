import type { SelectionRow } from "../../src/corpus/selections";
import type { SplitRow } from "../../src/alignment/splits";
import type { LabelScorer } from "../../src/scorers/scorer";

/** A row of somebody who sails and teaches, with changes. */
export const row = (change: Partial<SplitRow> = {}): SplitRow => ({
  id: "d, turn 3",
  dialogue: "d",
  split: "train",
  persona: ["I sail a red boat.", "I teach chemistry.", "My dog is called Bo."],
  partner: ["I grow beans."],
  history: ["Hello!", "Hi.", "What do you do?"],
  response: "I teach at a school.",
  label: 1,
  ...change,
});

/** Rows without labels. */
export const unlabelled = (change: Partial<SelectionRow> = {}): SplitRow => {
  const { label: _, ...rest } = row();
  return { ...rest, ...change, split: "train" };
};

/** A scorer of NLI that says what it is told to, and keeps what it was asked. */
export function sayingScorer(say: (fact: string, answer: string) => string): LabelScorer & {
  readonly asked: (readonly [string, string])[];
} {
  const labels = ["entailment", "neutral", "contradiction"];
  const asked: (readonly [string, string])[] = [];
  return {
    kind: "labels",
    name: "saying",
    labels,
    reads: ["premise", "hypothesis"],
    asked,
    fingerprint: "saying",
    probabilities: (texts) =>
      Promise.resolve(
        texts.map((pair) => {
          const [fact, answer] = pair as readonly [string, string];
          asked.push([fact, answer]);
          const label = say(fact, answer);
          return labels.map((one) => (one === label ? 0.9 : 0.05));
        }),
      ),
    close: () => Promise.resolve(),
  };
}

/** A scorer's errors as those of one that is nearly always right. */
export const nearlyRight = {
  data: "test",
  count: 300,
  accuracy: 0.98,
  confusion: [
    [98, 1, 1],
    [1, 98, 1],
    [1, 1, 98],
  ],
  calibrationError: 0.02,
  beside: {},
};
