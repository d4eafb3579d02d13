import { mean } from "simple-statistics";
import type { ChatSource } from "../chat-api";
import type { Message } from "../corpus";
import { compare, type Compared, type JudgedTurn, type Rubric, type Unscorable } from "../judges";
import { type Likelihood, NoLikelihood } from "../likelihood";
import { bootstrapMean, type BootstrapOptions, type Interval } from "../metrics";
import { type Situation, situationPrompt } from "./situations";

/** Two answers in one situation. */
export interface AnswerPair {
  readonly situation: Situation;
  readonly first: string;
  readonly second: string;
}

/** Who says which of two answers is better, and by what. */
export interface PairJudge {
  readonly name: string;
  compare(pair: AnswerPair): Promise<Compared | Unscorable>;
}

/** A model that is asked by a rubric, in both orders: only what both agree on is a win. */
export function askingJudge(source: ChatSource, rubric: Rubric): PairJudge {
  return {
    name: `${rubric.name}, by ${source.name}`,
    compare({ situation: { persona, partner, speaker, history }, first, second }) {
      const told = history.map(({ speaker: who, text }): JudgedTurn => ({
        by: who === speaker ? "self" : "other",
        text,
      }));
      return compare(source, rubric, { persona, other: partner, history: told, first, second });
    },
  };
}

/** Nats a token that two answers must differ by to be told apart. */
const TIE = 0.1;

/**
 * Two comparisons by how likely a model finds what is said, for where nobody can be asked. Each answer is scored by itself, so that both
 * orders say the same:
 *
 *     naturalness = 1/|y| log p(y | conversation)
 *     coherence   = 1/|y| [log p(y | conversation) − log p(y | a greeting)]
 *
 * neither told who the persona is. A difference below 0.1 nats a token is a tie. What is common is likely, whether or not it is good:
 * see `fluency`.
 */
export function likelihoodJudges(likelihood: Likelihood): {
  readonly naturalness: PairJudge;
  readonly coherence: PairJudge;
} {
  const greeting: readonly Message[] = [{ role: "user", content: "Hello!" }];
  const judge = (name: string, isRelative: boolean): PairJudge => ({
    name: `${name}, by the likelihoods of ${likelihood.name}`,
    async compare({ situation, first, second }) {
      const before = (situationPrompt(situation, "P", "CAUSAL_LM") as readonly Message[]).filter(
        ({ role }) => role !== "system",
      );
      const places = isRelative ? [before, greeting] : [before];
      try {
        const found = await likelihood.logprobs(
          [first, second].flatMap((answer) => places.map((place) => ({ before: place, answer }))),
        );
        const [a, b] = [0, 1].map((side) => {
          const [here, elsewhere] = found
            .slice(side * places.length, (side + 1) * places.length)
            .map((one) => mean([...one]));
          return here! - (elsewhere ?? 0);
        }) as [number, number];
        const preference = Math.abs(a - b) < TIE ? "tie" : a > b ? "first" : "second";
        const reason = `${a.toFixed(2)} against ${b.toFixed(2)} nats a token`;
        return { preference, reasons: [reason, reason], agree: true };
      } catch (error) {
        if (error instanceof NoLikelihood) return { unscorable: error.message };
        throw error;
      }
    },
  });
  return { naturalness: judge("naturalness", false), coherence: judge("coherence", true) };
}

/** How often the first answers won, over pairs that could be judged. */
export interface WinTieLose {
  readonly judge: string;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Pairs of which nothing can be said. They count for nobody. */
  readonly unscorable: number;
  /** Pairs in which both orders did not say the same; they are ties. */
  readonly disagreed: number;
  /** (wins − losses) / pairs judged; undefined where none was. */
  readonly margin: Interval | undefined;
}

/** Asks a judge of all pairs, one after the other. */
export async function winTieLose(
  judge: PairJudge,
  pairs: readonly AnswerPair[],
  bootstrap?: BootstrapOptions,
): Promise<WinTieLose> {
  const found: (Compared | Unscorable)[] = [];
  for (const pair of pairs)
    found.push(
      pair.first.trim() === "" || pair.second.trim() === ""
        ? { unscorable: "an answer is empty" }
        : await judge.compare(pair),
    );
  const judged = found.filter((one): one is Compared => "preference" in one);
  const count = (wanted: Compared["preference"]) =>
    judged.filter(({ preference }) => preference === wanted).length;
  const values = judged.map(
    ({ preference }) => Number(preference === "first") - Number(preference === "second"),
  );
  return {
    judge: judge.name,
    wins: count("first"),
    ties: count("tie"),
    losses: count("second"),
    unscorable: found.length - judged.length,
    disagreed: judged.filter(({ agree }) => !agree).length,
    margin: values.length === 0 ? undefined : bootstrapMean(values, bootstrap),
  };
}
