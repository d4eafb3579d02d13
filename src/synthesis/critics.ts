import { goesInCircles } from "../chat";
import type { Dialogue } from "../corpus";
import { type criteria, type InferenceScorer } from "../judges";
import { unigramF1 } from "../metrics";
import { safetyFlags } from "../simulator";
import { passed, strongestContradiction, told } from "./contradicts";
import { TURNS } from "./dialogues";

/** Drops dialogues by one thing. */
export interface Critic {
  readonly name: string;
  /** What identifies it. */
  readonly fingerprint: unknown;
  /** Why it drops each; undefined for one that may stay. */
  judge(dialogues: readonly Dialogue[]): Promise<readonly (string | undefined)[]>;
}

function critic(
  name: string,
  fingerprint: unknown,
  judge: (dialogue: Dialogue) => string | undefined | Promise<string | undefined>,
): Critic {
  return { name, fingerprint, judge: (dialogues) => Promise.all(dialogues.map(async (one) => judge(one))) };
}

/** Drops what is no dialogue of 5 to 8 turns that the two say in turn. */
export const formCritic: Critic = critic("form", { TURNS }, ({ turns }) => {
  if (turns.length < TURNS.fewest) return `${turns.length} turns, at least ${TURNS.fewest} are needed`;
  const empty = turns.findIndex(({ text }) => !/\p{L}/u.test(text));
  if (empty >= 0) return `turn ${empty + 1} says nothing`;
  const twice = turns.findIndex(({ speaker }, i) => i > 0 && speaker === turns[i - 1]!.speaker);
  return twice < 0 ? undefined : `turn ${twice + 1} is by the speaker of the turn before`;
});

/** Words of a fact and a turn in common from which on the turn copies it (unigram F1, as PersonaChatGen has it). */
const COPIED = 0.8;

/** Drops what recites a profile: a turn with a unigram F1 of 0.8 or more to a fact. */
export const copyingCritic: Critic = critic("copying", { COPIED }, ({ personas, turns }) => {
  for (const [i, { text }] of turns.entries())
    for (const fact of personas.flatMap(({ facts }) => facts))
      if (unigramF1(text, fact) >= COPIED) return `turn ${i + 1} recites "${fact}"`;
  return undefined;
});

/** Drops what goes round in circles: half of the runs of four words of a turn have been said before. */
export const circlesCritic: Critic = critic("circles", { run: 4 }, ({ turns }) =>
  goesInCircles(turns.map(({ text }) => text)) ? "it goes round in circles" : undefined,
);

/** Drops what safety lists name, or what is in no dialogue that a model learns from (`safetyFlags`: insults, threats, private data). */
export function toxicityCritic(lists: readonly criteria.SafetyList[]): Critic {
  return critic(
    "toxicity",
    lists.map(({ fingerprint }) => fingerprint),
    ({ turns }) => {
      for (const [i, { text }] of turns.entries()) {
        const found = toxicIn(text, lists);
        if (found !== undefined) return `turn ${i + 1} holds ${found}`;
      }
      return undefined;
    },
  );
}

/** What of a text safety lists or {@link safetyFlags} name; undefined for nothing. */
export function toxicIn(text: string, lists: readonly criteria.SafetyList[]): string | undefined {
  for (const { what, find } of lists) {
    const found = find(text);
    if (found !== undefined) return `${what}: ${found}`;
  }
  return safetyFlags([text])[0];
}

/**
 * The strongest contradiction between what each of the two says and their own facts, 0–1, with where it is: 1 for a denial by words,
 * else the scorer's greatest probability.
 */
export async function contradictionIn({ personas, turns }: Dialogue, scorer: InferenceScorer) {
  let worst = { probability: 0, where: "" };
  for (const speaker of [1, 2] as const) {
    const said = turns.filter((turn) => turn.speaker === speaker).flatMap(({ text }) => told(text));
    const one = await strongestContradiction(personas[speaker - 1]!.facts, said, scorer);
    if (one && one.probability > worst.probability)
      worst = {
        probability: one.probability,
        where: `User ${speaker} says "${one.found.sentence}" and is "${one.found.fact}" (${one.found.by})`,
      };
  }
  return worst;
}

/** Drops what contradicts a profile: a denial by words, or a contradiction that the scorer finds with more than `above`. */
export function faithfulnessCritic(scorer: InferenceScorer, above: number): Critic {
  return critic("faithfulness", { scorer: scorer.fingerprint, above }, async (dialogue) => {
    const { probability, where } = await contradictionIn(dialogue, scorer);
    return probability > above ? where : undefined;
  });
}

/**
 * The probability above which a dialogue is dropped such that a share of real ones, which are taken to be faithful, passes.
 *
 * @throws {RangeError} without dialogues
 */
export async function faithfulAbove(
  real: readonly Dialogue[],
  scorer: InferenceScorer,
  passing: number,
): Promise<number> {
  const strengths: number[] = [];
  for (const dialogue of real) strengths.push((await contradictionIn(dialogue, scorer)).probability);
  return passed(strengths, passing);
}
