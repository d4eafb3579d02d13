import type { DialogueRecord } from "../corpus";
import { type Judge, type Verdict } from "../judges";
import { featuresOf, fitLogistic, type LabelScorer, likeliest, logisticScorer } from "../scorers";
import { inert } from "../text";
import { topicsOf } from "./topics";

/**
 * Trains a bag of words to name the persona of a turn: multinomial logistic regression over the words of a turn, each counted once.
 * Where topics are shared by all personas, how it tells them apart is how they speak.
 *
 * @throws {Error} if the records are of fewer than two personas
 */
export function trainVoices(
  records: readonly DialogueRecord[],
  { name = "voices", seed = 13 }: { readonly name?: string; readonly seed?: number } = {},
): LabelScorer {
  const labels = [...new Set(records.map(({ persona_id }) => persona_id))].sort();
  if (labels.length < 2)
    throw new Error(
      `${name}: whose voice a turn is can be learned from dialogues of two personas at least, and here are those of ${labels.length}`,
    );
  const examples = records.flatMap(({ persona_id, turns }) =>
    turns.flatMap(({ role, content }) =>
      role === "user" ? [{ features: featuresOf(content), label: labels.indexOf(persona_id) }] : [],
    ),
  );
  const weights = fitLogistic(examples, labels.length, { seed });
  return logisticScorer(weights, { name, labels, reads: ["turn"] });
}

/** Records in two halves that share no topic: every second topic is in the second one. */
export function halvesByTopic<T extends { readonly topic: string }>(all: readonly T[]): [T[], T[]] {
  const topics = topicsOf(all);
  const half = (which: 0 | 1) => all.filter(({ topic }) => topics.indexOf(topic) % 2 === which);
  return [half(0), half(1)];
}

/**
 * Judges by a {@link trainVoices} scorer whose voice an answer is, 0–1: the probability of the persona who should be speaking.
 *
 * Its weakness: it knows words and nothing else. Who says the persona's favourite words over and over pleases it most.
 */
export function voiceJudge(scorer: LabelScorer): Judge {
  return ofVoices(scorer, "voice", (probability) => probability);
}

/** Judges by the same whether the persona is the likeliest of all: 1 or 0. Its mean is how often an answer's persona is named. */
export function namingJudge(scorer: LabelScorer): Judge {
  return ofVoices(scorer, "named", (_, isLikeliest) => Number(isLikeliest));
}

function ofVoices(
  scorer: LabelScorer,
  what: string,
  score: (probability: number, isLikeliest: boolean) => number,
): Judge {
  return {
    name: `${what} (${scorer.name})`,
    scale: [0, 1],
    fingerprint: { judge: what, scorer: scorer.fingerprint },
    async judge({ persona, answer }): Promise<Verdict> {
      const said = inert(answer);
      if (said.trim() === "") return { unscorable: "the answer is empty" };
      const label = scorer.labels.indexOf(persona?.id ?? "");
      if (label < 0) return { unscorable: `${scorer.name} knows the voices of ${scorer.labels.join(", ")}` };
      const [probabilities] = await scorer.probabilities([said]);
      const heard = likeliest(probabilities!);
      const share = (at: number) => `${scorer.labels[at]} with ${probabilities![at]!.toFixed(2)}`;
      return {
        score: score(probabilities![label]!, heard === label),
        reason: `sounds like ${share(heard)}${heard === label ? "" : `, like ${share(label)}`}`,
      };
    },
  };
}
