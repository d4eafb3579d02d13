import { findPlaceholders, type Speaker, type Turn } from "../corpus";
import type { EvaluationCase } from "../evaluation";
import {
  bootstrapInterval,
  type BootstrapOptions,
  contentWords,
  type Interval,
  isFirstPerson,
  likeness,
  ratioMetric,
  says,
  sentences,
  tellingTurn,
  turnsIn,
} from "../metrics";
import { promptTags } from "../prompts";
import { cutToTokens, simpleTokens, splitAtSpace } from "../text";

/**
 * What became of a fact in an answer. The reference is cut to as many words as the answer has, so that a short answer is
 * not blamed for what the reference says later.
 *
 * - `said`: the turns of the fact's own speaker say it ({@link says}: half of its content words).
 * - `swapped`: only the other speaker's turns say it.
 * - `missed`: neither speaker of the answer says it, though in the reference, cut, its own speaker does.
 * - `unsaid`: nobody says it, in the answer or in the cut reference.
 */
export const factFates = ["said", "swapped", "missed", "unsaid"] as const;
export type FactFate = (typeof factFates)[number];

/** A persona's fact and what became of it. */
export interface FactFinding {
  readonly speaker: Speaker;
  readonly fact: string;
  readonly fate: FactFate;
  /** The turn of the answer, and the one of the whole reference, that say most of it, where its speaker says it there. */
  readonly answerTurn?: string;
  readonly referenceTurn?: string;
  /**
   * Where both have such a turn: how alike the two are worded, ROUGE-L F, 0–1. Below {@link OTHER_WORDS} the phrasing
   * diverges.
   */
  readonly likeness?: number;
}

/** Two turns that say the same fact with less likeness than this say it in other words. */
export const OTHER_WORDS = 0.3;

/** A sentence of a snippet that a speaker of the answer gives out as their own. */
export interface Leak {
  readonly speaker: Speaker;
  readonly snippetSentence: string;
  readonly answerTurn: string;
  /** The sentence's content words that the turn says and that are in neither persona. */
  readonly words: readonly string[];
}

/** What a look at one case finds. */
export interface CaseFindings {
  readonly variant: string;
  readonly id: string;
  readonly facts: readonly FactFinding[];
  readonly leaks: readonly Leak[];
  /** Turns of the answer in which a speaker speaks of themselves: those that can leak. */
  readonly firstPersonTurns: number;
}

/** The retrieved text that a prompt holds, as far as it was not cut; empty where it has no tag for it. */
export function snippetsIn(prompt: string): string {
  const at = prompt.indexOf(promptTags.knowledge);
  return at < 0 ? "" : prompt.slice(at + promptTags.knowledge.length).trim();
}

/**
 * Looks at one answer fact by fact, and turn by turn for what it took from its snippets.
 *
 * A turn leaks a snippet's sentence if both are in the first person, the sentence has no gap such as [User 1's name], the
 * turn has at least half of the sentence's content words, and at least two of these are in neither persona.
 *
 * @param snippets the text to look for; what the answer's own prompt holds unless told
 */
export function findErrors(one: EvaluationCase, snippets: string = snippetsIn(one.input)): CaseFindings {
  const turns = turnsIn(one.output);
  const reference = turnsIn(one.reference);
  const beginning = turnsIn(cutToTokens(one.reference, splitAtSpace(one.output).length));
  const facts = one.personas.flatMap((persona, i) =>
    persona.map((fact) => findFact(fact, (i + 1) as Speaker, { turns, reference, beginning })),
  );
  const own = turns.filter(({ text }) => isFirstPerson(text));
  const known = contentWords(one.personas.flat());
  const leaks = sentences(snippets)
    .filter((sentence) => isFirstPerson(sentence) && findPlaceholders(sentence).length === 0)
    .flatMap((sentence) => findLeak(sentence, own, known));
  return { variant: one.variant, id: one.id, facts, leaks, firstPersonTurns: own.length };
}

function findFact(
  fact: string,
  speaker: Speaker,
  { turns, reference, beginning }: Record<"turns" | "reference" | "beginning", readonly Turn[]>,
): FactFinding {
  const by = (all: readonly Turn[]) => all.filter((turn) => turn.speaker === speaker);
  const said = says(by(turns), fact);
  const swapped =
    !said &&
    says(
      turns.filter((turn) => turn.speaker !== speaker),
      fact,
    );
  const missed = !said && !swapped && says(by(beginning), fact);
  const fate = said ? "said" : swapped ? "swapped" : missed ? "missed" : "unsaid";
  const answerTurn = said ? tellingTurn(by(turns), fact)?.text : undefined;
  const referenceTurn = says(by(reference), fact) ? tellingTurn(by(reference), fact)?.text : undefined;
  return {
    speaker,
    fact,
    fate,
    ...(answerTurn === undefined ? {} : { answerTurn }),
    ...(referenceTurn === undefined ? {} : { referenceTurn }),
    ...(answerTurn === undefined || referenceTurn === undefined
      ? {}
      : { likeness: likeness(answerTurn, referenceTurn) }),
  };
}

/** The turn that says most of the new words of a snippet's sentence, if it says enough of it. */
function findLeak(snippetSentence: string, turns: readonly Turn[], known: ReadonlySet<string>): Leak[] {
  const wanted = contentWords(snippetSentence);
  const candidates = turns.flatMap(({ speaker, text }) => {
    const said = new Set(simpleTokens(text));
    const found = [...wanted].filter((word) => said.has(word));
    const words = found.filter((word) => !known.has(word));
    return 2 * found.length >= wanted.size && words.length >= 2
      ? [{ speaker, snippetSentence, answerTurn: text, words }]
      : [];
  });
  return candidates.sort((a, b) => b.words.length - a.words.length).slice(0, 1);
}

/** Shares over all cases of a variant, 0–1, each with its bootstrap interval over the cases. */
export interface ErrorRates {
  readonly cases: number;
  /** Of all facts of both personas, the share of each fate. */
  readonly fates: Readonly<Record<FactFate, Interval>>;
  /** Of the facts that the answer and the whole reference say, those in turns of other words. */
  readonly otherWords: Interval;
  /** Of the answers' first-person turns, those that leak something of their own snippets. */
  readonly leaking: Interval;
  /**
   * The same looked for in snippets that the answer never saw, those of the next case: what chance and common topics give. Only
   * what {@link leaking} has above it comes from the snippets.
   */
  readonly leakingByChance: Interval;
}

/**
 * {@link findErrors} over the cases of a variant, in numbers.
 * @throws {RangeError} without cases
 */
export function errorRates(cases: readonly EvaluationCase[], bootstrap: BootstrapOptions = {}): ErrorRates {
  const found = cases.map((one) => findErrors(one));
  const strange = cases.map((one, i) => findErrors(one, snippetsIn(cases[(i + 1) % cases.length]!.input)));
  const rate = (rows: readonly (readonly [number, number])[]) =>
    bootstrapInterval(ratioMetric(rows), bootstrap);
  const leaking = (findings: readonly CaseFindings[]) =>
    rate(
      findings.map(({ leaks, firstPersonTurns }) => [
        new Set(leaks.map(({ answerTurn }) => answerTurn)).size,
        firstPersonTurns,
      ]),
    );
  return {
    cases: cases.length,
    fates: Object.fromEntries(
      factFates.map((wanted) => [
        wanted,
        rate(found.map(({ facts }) => [facts.filter(({ fate }) => fate === wanted).length, facts.length])),
      ]),
    ) as Record<FactFate, Interval>,
    otherWords: rate(
      found.map(({ facts }) => {
        const both = facts.flatMap((fact) => (fact.likeness === undefined ? [] : [fact.likeness]));
        return [both.filter((value) => value < OTHER_WORDS).length, both.length];
      }),
    ),
    leaking: leaking(found),
    leakingByChance: leaking(strange),
  };
}

/** A kind of error to list. */
export type ErrorKind = "missed" | "swapped" | "other words" | "leak";

/** A table's rows, one an error: the fact or the snippet's sentence, what the answer says, and what the reference says. */
export function errorRows(
  findings: readonly CaseFindings[],
  kind: ErrorKind,
): { case: string; speaker: string; source: string; answer: string; reference: string }[] {
  return findings.flatMap(({ id, facts, leaks }) => {
    if (kind === "leak") {
      return leaks.map(({ speaker, snippetSentence, answerTurn }) => ({
        case: id,
        speaker: `User ${speaker}`,
        source: snippetSentence,
        answer: answerTurn,
        reference: "",
      }));
    }
    const chosen = facts.filter((fact) =>
      kind === "other words" ? (fact.likeness ?? 1) < OTHER_WORDS : fact.fate === kind,
    );
    return chosen.map(({ speaker, fact, answerTurn, referenceTurn }) => ({
      case: id,
      speaker: `User ${speaker}`,
      source: fact,
      answer: answerTurn ?? "",
      reference: referenceTurn ?? "",
    }));
  });
}
