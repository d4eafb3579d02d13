import { mean } from "simple-statistics";
import type { ChatSource } from "../chat-api";
import type { Dialogue, Message } from "../corpus";
import { compare, type Compared, type JudgedTurn, type Rubric, type Unscorable } from "../judges";
import { type Likelihood, NoLikelihood } from "../likelihood";
import { bootstrapMean, type BootstrapOptions, type Interval } from "../metrics";
import { type Situation, situationPrompt, situationsOf } from "./situations";

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

/** How likely a model finds what is said in a situation, in nats a token. */
export interface SaidLikelihood {
  /** 1/|y| log p(y | conversation). */
  readonly naturalness: number;
  /** 1/|y| [log p(y | conversation) − log p(y | a greeting)]: what the conversation adds. */
  readonly coherence: number;
}

const greeting: readonly Message[] = [{ role: "user", content: "Hello!" }];

/**
 * {@link SaidLikelihood} of texts in situations; the model is not told who the persona is. What is common is likely, whether or not it
 * is good: see `fluency`.
 *
 * @throws {NoLikelihood} if one of the texts says nothing or does not fit the model
 */
export async function saidLikelihoods(
  likelihood: Likelihood,
  said: readonly { readonly situation: Situation; readonly text: string }[],
): Promise<SaidLikelihood[]> {
  const found = await likelihood.logprobs(
    said.flatMap(({ situation, text: answer }) => {
      const told = situationPrompt(situation, "P", "CAUSAL_LM") as readonly Message[];
      return [told.filter(({ role }) => role !== "system"), greeting].map((before) => ({ before, answer }));
    }),
  );
  return said.map((_, i) => {
    const [naturalness, elsewhere] = [found[2 * i]!, found[2 * i + 1]!].map((one) => mean([...one]));
    return { naturalness: naturalness!, coherence: naturalness! - elsewhere! };
  });
}

/** Turns whose likelihoods are asked together. */
const TOGETHER = 8;

/**
 * Naturalness and coherence of what is said in dialogues: the mean over the turns that answer somebody, with intervals over dialogues. A
 * turn whose likelihood cannot be had counts for nothing; a dialogue without any other neither.
 */
export async function dialogueLikelihoods(
  likelihood: Likelihood,
  dialogues: readonly Pick<Dialogue, "personas" | "turns">[],
  bootstrap: BootstrapOptions,
): Promise<{ readonly naturalness: Interval; readonly coherence: Interval } | undefined> {
  const means: SaidLikelihood[] = [];
  for (const dialogue of dialogues) {
    const situations = situationsOf({ id: "", ...dialogue }).filter(({ said }) => said.trim() !== "");
    const found: SaidLikelihood[] = [];
    for (let at = 0; at < situations.length; at += TOGETHER) {
      const part = situations
        .slice(at, at + TOGETHER)
        .map((situation) => ({ situation, text: situation.said }));
      found.push(...(await saidLikelihoods(likelihood, part).catch(oneByOne(likelihood, part))));
    }
    const meanOf = (name: keyof SaidLikelihood) => mean(found.map((one) => one[name]));
    if (found.length > 0) means.push({ naturalness: meanOf("naturalness"), coherence: meanOf("coherence") });
  }
  if (means.length === 0) return undefined;
  const [naturalness, coherence] = (["naturalness", "coherence"] as const).map((name) =>
    bootstrapMean(
      means.map((one) => one[name]),
      bootstrap,
    ),
  );
  return { naturalness: naturalness!, coherence: coherence! };
}

/** Where several texts cannot be asked of together, each alone; those that cannot be asked of are left out. */
const oneByOne =
  (likelihood: Likelihood, said: Parameters<typeof saidLikelihoods>[1]) =>
  async (error: unknown): Promise<SaidLikelihood[]> => {
    if (!(error instanceof NoLikelihood)) throw error;
    const found: SaidLikelihood[] = [];
    for (const one of said.length > 1 ? said : [])
      found.push(...(await saidLikelihoods(likelihood, [one]).catch(oneByOne(likelihood, [one]))));
    return found;
  };

/**
 * Two comparisons by {@link SaidLikelihood}, for where nobody can be asked. Each answer is scored by itself, so that both orders say the
 * same. A difference below 0.1 nats a token is a tie.
 */
export function likelihoodJudges(likelihood: Likelihood): {
  readonly naturalness: PairJudge;
  readonly coherence: PairJudge;
} {
  const judge = (name: keyof SaidLikelihood): PairJudge => ({
    name: `${name}, by the likelihoods of ${likelihood.name}`,
    async compare({ situation, first, second }) {
      try {
        const found = await saidLikelihoods(likelihood, [
          { situation, text: first },
          { situation, text: second },
        ]);
        const [a, b] = found.map((one) => one[name]) as [number, number];
        const preference = Math.abs(a - b) < TIE ? "tie" : a > b ? "first" : "second";
        const reason = `${a.toFixed(2)} against ${b.toFixed(2)} nats a token`;
        return { preference, reasons: [reason, reason], agree: true };
      } catch (error) {
        if (error instanceof NoLikelihood) return { unscorable: error.message };
        throw error;
      }
    },
  });
  return { naturalness: judge("naturalness"), coherence: judge("coherence") };
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
