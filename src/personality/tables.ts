import type { ChatSource } from "../chat-api";
import { type Dialogue, traitNames, type TraitName } from "../corpus";
import { additiveMetric, type EvaluatedVariant, type Metric } from "../evaluation";
import { effectRows, type EffectRow } from "../analysis";
import { rubric } from "../judges";
import type { Likelihood } from "../likelihood";
import { bootstrapInterval, type BootstrapOptions, type Interval } from "../metrics";
import { Random } from "../random";
import { cohensKappa } from "../statistics";
import type { AdjectiveCorrelation } from "./adjectives";
import {
  type AnswerPair,
  askingJudge,
  dialogueLikelihoods,
  likelihoodJudges,
  type PairJudge,
  winTieLose,
} from "./compare";
import type { FlippedAnswers, TraitEffect, TraitListening } from "./control";
import type { Domains } from "./data";
import { diversities, type TestedDomain } from "./domains";
import type { MixturePoint } from "./figures";
import { taughtLabels } from "./label";
import { leakage } from "./leakage";
import { shuffledAmong } from "./mixture";
import { scoredLabels, type TraitAgreement, type TraitScorers } from "./scoring";
import { type Situation, situationsOf } from "./situations";
import { type Talk, type TraitsAtTurn, traitsByTurn } from "./talks";
import { knownTraits, levelOf, type TraitLevel } from "./traits";
import type { TraitDialogue } from "./twins";

/** A row of a table that a notebook shows and saves. */
export type Row = Record<string, string | number>;

const within = (name: string, { value, low, high }: Interval): Row => ({
  [name]: value,
  [`${name} low`]: low,
  [`${name} high`]: high,
});
const verdict = (shown: boolean, { value }: Interval, words: readonly [string, string]) =>
  shown ? words[value > 0 ? 0 : 1] : "not shown";

/** How many speakers have each trait high, low, or not known. */
export function countTraits(dialogues: readonly Dialogue[]): Row[] {
  const personas = dialogues.flatMap(({ personas }) => personas);
  return traitNames.map((trait) => {
    const levels = personas.map((persona) => knownTraits(persona).find((one) => one.trait === trait)?.level);
    const count = (wanted: TraitLevel | undefined) => levels.filter((level) => level === wanted).length;
    return { trait, high: count("high"), low: count("low"), "nothing said": count(undefined) };
  });
}

/** A dialogue to be read: who speaks, with which traits, and what is said. */
export function dialogueRows({ personas, turns }: Pick<Dialogue, "personas" | "turns">): Row[] {
  return turns.map(({ speaker, text }) => ({
    speaker: `User ${speaker}`,
    traits:
      knownTraits(personas[speaker - 1]!)
        .map(({ trait, level }) => `${level} ${trait}`)
        .join(", ") || "–",
    says: text,
  }));
}

export function agreementRows(found: readonly TraitAgreement[]): Row[] {
  return found.map(({ trait, speakers, accuracy, kappa, confusion, onTwins }) => ({
    trait,
    speakers,
    accuracy: accuracy.value,
    ...within("κ", kappa),
    "low said low": confusion[0]![0]!,
    "low said high": confusion[0]![1]!,
    "high said low": confusion[1]![0]!,
    "high said high": confusion[1]![1]!,
    ...(onTwins && within("κ on twins", onTwins)),
    verdict: kappa.low > 0 ? "can be told" : "cannot be told",
  }));
}

export const adjectiveRows = (found: readonly AdjectiveCorrelation[]): Row[] =>
  found.map(({ trait, speakers, correlation }) => ({
    trait,
    speakers,
    ...within("correlation", correlation),
  }));

/** A label from a persona's facts, beside the one that was given. */
export interface FactLabel {
  readonly by: string;
  readonly trait: TraitName;
  readonly given: TraitLevel | "no clue";
  readonly said: TraitLevel | "no clue";
  readonly statement: string;
}

/** Labels of every persona's facts: by a teacher, where there is one, else by scorers. A persona that the teacher does not label is left out. */
export async function labelFacts(
  dialogues: readonly Dialogue[],
  scorers: TraitScorers,
  teacher?: ChatSource,
): Promise<FactLabel[]> {
  const labels: FactLabel[] = [];
  for (const persona of dialogues.flatMap(({ personas }) => personas)) {
    if (persona.facts.length === 0) continue;
    const answer = teacher
      ? await taughtLabels(teacher, persona.facts)
      : { labels: await scoredLabels(scorers, persona.facts) };
    if ("unlabelled" in answer) continue;
    for (const { trait, label, statement = "" } of answer.labels) {
      const given = persona.traits?.[trait];
      labels.push({
        by: teacher?.name ?? "scorers",
        trait,
        given: given === undefined ? "no clue" : levelOf(given),
        said: label,
        statement,
      });
    }
  }
  return labels;
}

export function labelAgreementRows(labels: readonly FactLabel[]): Row[] {
  return traitNames.map((trait) => {
    const own = labels.filter((one) => one.trait === trait);
    const share = (wanted: FactLabel["said"]) =>
      own.filter(({ said }) => said === wanted).length / Math.max(1, own.length);
    const kappa =
      own.length === 0
        ? NaN
        : cohensKappa(
            own.map(({ given }) => given),
            own.map(({ said }) => said),
          );
    return {
      trait,
      by: own[0]?.by ?? "–",
      personas: own.length,
      high: share("high"),
      low: share("low"),
      "no clue": share("no clue"),
      κ: Number.isNaN(kappa) ? "none: one label alone" : kappa,
    };
  });
}

/** The first labels that say something. */
export const labelExamples = (labels: readonly FactLabel[], count: number): Row[] =>
  labels
    .filter(({ statement }) => statement !== "")
    .slice(0, count)
    .map(({ statement, trait, said, given }) => ({ statement, label: `${said} ${trait}`, given }));

/** The same dialogues, each persona pair with the traits of another pair: labels that mean nothing. */
export function shuffleTraits(dialogues: readonly TraitDialogue[], seed: number): TraitDialogue[] {
  return shuffledAmong(
    dialogues,
    ({ personas }) => personas.map(({ traits }) => traits),
    (dialogue, traits) => ({
      ...dialogue,
      personas: dialogue.personas.map(({ traits: _, ...persona }, i) => ({
        ...persona,
        ...(traits[i] && { traits: traits[i] }),
      })) as unknown as Dialogue["personas"],
    }),
    seed,
  );
}

/** One situation of each speaker of whom something is known, drawn by `seed`: situations of different people do not depend on each other. */
export function situationPerSpeaker(dialogues: readonly Dialogue[], seed: number): Situation[] {
  return dialogues.flatMap((dialogue, i) => {
    const random = new Random(seed).fork(i);
    const all = situationsOf(dialogue);
    return ([1, 2] as const).flatMap((speaker) => {
      const own = all.filter((one) => one.speaker === speaker && one.persona.facts.length > 0);
      return own.length === 0 ? [] : [own[random.integer(own.length)]!];
    });
  });
}

/** Flipped answers to be read, of the first `situations` of them. */
export function flipRows(answers: readonly FlippedAnswers[], situations = Infinity): Row[] {
  const shown = new Set([...new Set(answers.map(({ situation }) => situation))].slice(0, situations));
  return answers.flatMap(({ situation, trait, high, low }) =>
    shown.has(situation)
      ? [
          {
            "the other said": situation.history.at(-1)!.text,
            trait,
            high,
            low,
            same: high === low ? "yes" : "no",
          },
        ]
      : [],
  );
}

export function listeningRows(ways: Readonly<Record<string, readonly TraitListening[]>>): Row[] {
  return Object.entries(ways).flatMap(([way, found]) =>
    found.map(({ trait, situations, gain, pValue, adjustedPValue, isShown }) => ({
      way,
      trait,
      situations,
      ...within("gain", gain),
      pValue,
      adjustedPValue,
      verdict: verdict(isShown, gain, ["listens", "listens the wrong way"]),
    })),
  );
}

export function effectTable(ways: Readonly<Record<string, readonly TraitEffect[]>>): Row[] {
  return Object.entries(ways).flatMap(([way, found]) =>
    found.map(({ trait, measure, situations, difference, effectSize, pValue, adjustedPValue, isShown }) => ({
      way,
      trait,
      measure,
      situations,
      ...within("difference", difference),
      "effect size": effectSize,
      pValue,
      adjustedPValue,
      verdict: verdict(isShown, difference, ["higher", "lower"]),
    })),
  );
}

const listed = (words: readonly string[]) => (words.length === 0 ? "none" : words.join(", "));

/** A sentence a way: which labels the model listens to. */
export const sayListening = (ways: Readonly<Record<string, readonly TraitListening[]>>): string =>
  Object.entries(ways)
    .map(
      ([way, found]) =>
        `${way}: listens to ${listed(found.filter(({ isShown, gain }) => isShown && gain.value > 0).map(({ trait }) => trait))} of ${found.length}`,
    )
    .join("\n");

/** A sentence a way: which traits move their own scorer, and how much else is moved. */
export const sayEffects = (ways: Readonly<Record<string, readonly TraitEffect[]>>): string =>
  Object.entries(ways)
    .map(([way, found]) => {
      const steer = found.filter(
        ({ measure, isShown, difference }) => measure === "trait" && isShown && difference.value > 0,
      );
      const others = found.filter(({ measure, isShown }) => measure !== "trait" && isShown);
      return `${way}: ${listed(steer.map(({ trait }) => trait))} of five traits steer by their scorers; beside that ${listed(others.map(({ trait, measure }) => `${measure} with ${trait}`))}`;
    })
    .join("\n");

/** What models are compared by on a domain. */
const domainMetrics: readonly Metric[] = [
  "perplexity",
  "unigramF1",
  "personaCoverageContent",
  "outputTokens",
  "bitsPerByte",
];
const titles: Readonly<Record<string, string>> = {
  unigramF1: "F1",
  personaCoverageContent: "persona use",
  outputTokens: "tokens",
  bitsPerByte: "bits a byte",
};

export function domainRows(tested: readonly TestedDomain[], bootstrap: BootstrapOptions): Row[] {
  return tested.flatMap(({ domain, models }) =>
    models.map(({ summary, cases }) => ({
      domain,
      model: summary.variant,
      situations: cases.length,
      ...domainMetrics.reduce<Row>(
        (row, metric) => ({
          ...row,
          ...within(titles[metric] ?? metric, bootstrapInterval(additiveMetric(cases, metric), bootstrap)),
        }),
        {},
      ),
    })),
  );
}

/** Scores over the ratio of the mixture, for `mixtureFigure`: models named `P, RATIO`. */
export function mixturePoints(
  tested: readonly TestedDomain[],
  ratios: readonly number[],
  bootstrap: BootstrapOptions,
): Record<string, Record<string, MixturePoint[]>> {
  return Object.fromEntries(
    domainMetrics.slice(0, 3).map((metric) => [
      titles[metric] ?? metric,
      Object.fromEntries(
        tested.map(({ domain, models }) => [
          domain,
          ratios.map((ratio): MixturePoint => {
            const { cases } = named(models, `P, ${ratio}`);
            return { ratio, ...bootstrapInterval(additiveMetric(cases, metric), bootstrap) };
          }),
        ]),
      ),
    ]),
  );
}

function named(models: readonly EvaluatedVariant[], name: string): EvaluatedVariant {
  const found = models.find(({ summary }) => summary.variant === name);
  if (!found)
    throw new RangeError(
      `no model is named ${name}: there are ${models.map(({ summary }) => summary.variant).join(", ")}`,
    );
  return found;
}

/** How varied what models say is, beside what was said in the same situations. */
export function diversityRows(tested: readonly TestedDomain[]): Row[] {
  return tested.flatMap(({ domain, models }) => {
    const sets = Object.fromEntries([
      ["what was said", models[0]!.cases.map(({ reference }) => reference)],
      ...models.map(({ summary, cases }) => [summary.variant, cases.map(({ output }) => output)]),
    ]) as Record<string, string[]>;
    return Object.entries(diversities(sets)).map(([model, { tokens, mtld, ratio, ratioTokens }]) => ({
      domain,
      model,
      tokens,
      MTLD: mtld,
      TTR: ratio,
      "of tokens": ratioTokens,
    }));
  });
}

/** Differences between models, a domain apart, all p-values adjusted together. */
export function domainDifferences(
  tested: readonly TestedDomain[],
  pairs: readonly (readonly [string, string])[],
  options: BootstrapOptions,
): Row[] {
  const seeded = tested.flatMap(({ domain, models }) => {
    const of = (name: string) => ({ name: `${name} (${domain})`, bySeed: [named(models, name)] });
    return pairs.map(([a, b]) => [of(a), of(b)] as const);
  });
  return effectRows(seeded, domainMetrics.slice(0, 3), {
    seed: options.seed,
    resamples: options.resamples,
  }).map(({ bySeed: _, ...row }: EffectRow) => ({ ...row, metric: titles[row.metric] ?? row.metric }));
}
/** Who compares answers: a model that is asked by the rubrics `quality` and `consistency`, or likelihoods. */
export function studyJudges(likelihood: Likelihood, asked?: ChatSource): PairJudge[] {
  return asked
    ? ["quality", "consistency"].map((name) => askingJudge(asked, rubric(name)))
    : Object.values(likelihoodJudges(likelihood));
}

/** Win, tie and lose of pairs of models on the first `most` situations of each domain. */
export async function compareAnswers(
  tested: readonly TestedDomain[],
  pairs: readonly (readonly [string, string])[],
  judges: readonly PairJudge[],
  test: Domains,
  { seed, most }: { readonly seed: number; readonly most: number },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { domain, models } of tested) {
    const situations = situationPerSpeaker(test[domain as keyof Domains], seed);
    for (const [a, b] of pairs) {
      const [first, second] = [named(models, a), named(models, b)];
      const answers = situations.slice(0, most).map((situation, i): AnswerPair => ({
        situation,
        first: first.cases[i]!.output,
        second: second.cases[i]!.output,
      }));
      for (const judge of judges) {
        const { margin, ...found } = await winTieLose(judge, answers, { seed });
        rows.push({
          domain,
          "a against b": `${a} against ${b}`,
          ...found,
          ...(margin && within("margin", margin)),
        });
      }
    }
  }
  return rows;
}

/**
 * Leakage, use of facts, shown traits, likelihoods and cost of talks, and of dialogues that nobody had to pay for here.
 *
 * @param options `judged`: of how many dialogues of each way, the first ones, the likelihoods are asked
 */
export async function talkRows(
  ways: Readonly<Record<string, readonly (Talk | Dialogue)[]>>,
  scorers: TraitScorers,
  likelihood: Likelihood,
  { judged, ...bootstrap }: BootstrapOptions & { readonly judged: number },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [way, talks] of Object.entries(ways)) {
    const { dialogues, leaking, factsSaid } = leakage(talks, bootstrap);
    const turns = talks.reduce((sum, talk) => sum + talk.turns.length, 0);
    const shown = await traitsByTurn(talks, scorers, bootstrap);
    const tokens = talks.flatMap((talk) => ("tokens" in talk ? [talk.tokens] : []));
    const likely = await dialogueLikelihoods(likelihood, talks.slice(0, judged), bootstrap);
    rows.push({
      way,
      dialogues,
      "turns each": turns / talks.length,
      ...within("leaking", leaking),
      "facts said": factsSaid.value,
      "traits shown":
        shown.length === 0
          ? "–"
          : shown.reduce((sum, one) => sum + one.turns * one.shown.value, 0) /
            shown.reduce((sum, one) => sum + one.turns, 0),
      ...(likely && {
        ...within("naturalness", likely.naturalness),
        ...within("coherence", likely.coherence),
      }),
      "tokens a turn": tokens.length === 0 ? "–" : tokens.reduce((a, b) => a + b, 0) / Math.max(1, turns),
    });
  }
  return rows;
}

/** {@link traitsByTurn} of each way of talking. */
export async function turnsOf(
  ways: Readonly<Record<string, readonly Talk[]>>,
  scorers: TraitScorers,
  bootstrap: BootstrapOptions,
): Promise<Record<string, TraitsAtTurn[]>> {
  const all: Record<string, TraitsAtTurn[]> = {};
  for (const [way, talks] of Object.entries(ways)) all[way] = await traitsByTurn(talks, scorers, bootstrap);
  return all;
}

export const turnRows = (ways: Readonly<Record<string, readonly TraitsAtTurn[]>>): Row[] =>
  Object.entries(ways).flatMap(([way, found]) =>
    found.map(({ turn, turns, shown }) => ({ way, turn, turns, ...within("shown", shown) })),
  );
