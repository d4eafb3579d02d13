import type { ChatSource } from "../chat-api";
import type { Dialogue } from "../corpus";
import { compare, type InferenceScorer, type Preference, type Rubric } from "../judges";
import { contentWords, distinctN } from "../metrics";
import { simpleTokens } from "../text";
import { told } from "./contradicts";

/** Says which of two dialogues of the same two is better by one thing. */
export interface Expert {
  readonly name: string;
  /** What identifies it. */
  readonly fingerprint: unknown;
  /** Asked in both orders; what the two orders do not agree on is a tie. */
  vote(a: Dialogue, b: Dialogue): Promise<Preference>;
}

/** A score that decides votes, the greater one wins; what it measures, and what it does not see. */
export interface ExpertScore {
  readonly name: string;
  readonly measures: string;
  readonly score: (dialogue: Dialogue) => number | Promise<number>;
}

/** Scores that differ by less are a tie. */
const EQUAL = 1e-9;

/** An expert by a score. It knows no order, so that one vote is that of both. */
export function scoringExpert({ name, measures, score }: ExpertScore): Expert {
  return {
    name,
    fingerprint: { name, measures },
    async vote(a, b) {
      const [one, other] = [await score(a), await score(b)];
      return Math.abs(one - other) < EQUAL ? "tie" : one > other ? "first" : "second";
    },
  };
}

/** A larger model as an expert by a question, which it is asked in both orders. */
export function askedExpert(source: ChatSource, rubric: Rubric): Expert {
  const shown = ({ turns }: Dialogue) =>
    turns.map(({ speaker, text }) => `User ${speaker}: ${text}`).join("\n");
  return {
    name: rubric.name,
    fingerprint: { source: source.name, rubric },
    async vote(a, b) {
      const compared = await compare(source, rubric, { history: [], first: shown(a), second: shown(b) });
      return "preference" in compared ? compared.preference : "tie";
    },
  };
}

const texts = ({ turns }: Dialogue) => turns.map(({ text }) => text);

const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The five qualities that the paper's experts vote on, by word rules of our own where no larger model is there. They are cheap, always
 * say the same, and know no meaning:
 *
 *     depth       = mean over turns of content words that were not said before
 *     coherence   = share of turns after the first that take up a content word of the turn before, or answer a question
 *     consistency = 1 − mean over sentences of one speaker, pairwise, of P(contradiction)       (as good as its scorer)
 *     diversity   = distinct pairs of words / pairs of words
 *     likability  = share of turns that ask the other something, thank or praise
 */
export function wordExperts(scorer: InferenceScorer): ExpertScore[] {
  return [
    {
      name: "depth",
      measures: "content words a turn that were not said before",
      score(dialogue) {
        const said = new Set<string>();
        return mean(
          texts(dialogue).map((text) => {
            const fresh = [...contentWords(text)].filter((word) => !said.has(word));
            for (const word of fresh) said.add(word);
            return fresh.length;
          }),
        );
      },
    },
    {
      name: "coherence",
      measures: "share of turns that take up a content word of the turn before or follow a question",
      score(dialogue) {
        const all = texts(dialogue);
        return mean(
          all.slice(1).map((text, i) => {
            const before = contentWords(all[i]!);
            return all[i]!.includes("?") || [...contentWords(text)].some((word) => before.has(word)) ? 1 : 0;
          }),
        );
      },
    },
    {
      name: "consistency",
      measures: "1 − the mean probability that two sentences of one speaker contradict",
      async score({ turns }) {
        const pairs = ([1, 2] as const).flatMap((speaker) => {
          const said = turns.filter((turn) => turn.speaker === speaker).flatMap(({ text }) => told(text));
          return said.flatMap((one, i) => said.slice(i + 1).map((other): [string, string] => [one, other]));
        });
        return 1 - mean((await scorer.infer(pairs)).map(({ contradiction }) => contradiction));
      },
    },
    {
      name: "diversity",
      measures: "distinct pairs of words among all pairs",
      score: (dialogue) => distinctN(texts(dialogue), 2),
    },
    {
      name: "likability",
      measures: "share of turns that ask, thank or praise",
      score: (dialogue) =>
        mean(
          texts(dialogue).map((text) =>
            text.includes("?") || simpleTokens(text).some((word) => kind.has(word)) ? 1 : 0,
          ),
        ),
    },
  ];
}

const kind = new Set(
  "thank thanks great nice lovely wonderful glad sorry congratulations wow amazing brilliant".split(" "),
);

/** The questions that a larger model is asked as an expert. */
export const expertRubrics: readonly Rubric[] = [
  ["depth", "Which conversation goes deeper into what it talks about?"],
  ["coherence", "In which conversation does each turn fit better to what was said before?"],
  ["consistency", "In which conversation do the two contradict themselves less?"],
  ["diversity", "Which conversation says more different things, and repeats itself less?"],
  ["likability", "In which conversation would one rather talk with the two?"],
].map(([name, question]) => ({
  name: name!,
  question: question!,
  needs: [],
  scale: [0, 1],
  levels: [
    { score: 0, means: "not at all" },
    { score: 1, means: "very much" },
  ],
}));

/** What the experts say of two candidates, by their numbers. */
export interface Votes {
  readonly first: number;
  readonly second: number;
  /** By expert. */
  readonly votes: Readonly<Record<string, Preference>>;
}

/** Has every two of some dialogues compared by every expert. */
export async function compareAll(
  dialogues: readonly Dialogue[],
  experts: readonly Expert[],
): Promise<Votes[]> {
  const all: Votes[] = [];
  for (const [first, a] of dialogues.entries())
    for (let second = first + 1; second < dialogues.length; second++) {
      const votes: Record<string, Preference> = {};
      for (const expert of experts) votes[expert.name] = await expert.vote(a, dialogues[second]!);
      all.push({ first, second, votes });
    }
  return all;
}

/**
 * The best of `among` by votes: each comparison is won by whom more of the counted experts prefer; who wins most is best, of equals the
 * one with more single votes, then the first.
 */
export function bestByVotes(
  among: readonly number[],
  compared: readonly Votes[],
  counted: (expert: string) => boolean = () => true,
): number | undefined {
  const wins = new Map(among.map((one) => [one, { won: 0, votes: 0 }]));
  for (const { first, second, votes } of compared) {
    const [a, b] = [wins.get(first), wins.get(second)];
    if (!a || !b) continue;
    const cast = Object.entries(votes).filter(([expert]) => counted(expert));
    const forFirst = cast.filter(([, vote]) => vote === "first").length;
    const forSecond = cast.filter(([, vote]) => vote === "second").length;
    a.votes += forFirst;
    b.votes += forSecond;
    if (forFirst > forSecond) a.won++;
    if (forSecond > forFirst) b.won++;
  }
  const ranked = [...wins].sort(([i, a], [j, b]) => b.won - a.won || b.votes - a.votes || i - j);
  return ranked[0]?.[0];
}
