import { mean, sampleStandardDeviation } from "simple-statistics";
import { isShown } from "../analysis";
import { type TraitName, traitNames } from "../corpus";
import type { TextGenerationOptions } from "../generation";
import {
  type AdditiveMetric,
  bootstrapMean,
  holm,
  type Interval,
  logOdds,
  type LogOddsOptions,
  meanMetric,
  pairedRandomizationTest,
  type PreferredNgram,
} from "../metrics";
import { simpleTokens } from "../text";
import type { PersonaPrompt } from "./instruction";
import { type TraitScorers, traitScores } from "./scoring";
import { sentiment } from "./sentiment";
import { type Situation, situationPrompt, situationRow } from "./situations";
import type { AskedAfter, Speakers } from "./speakers";
import { knownTraits, type TraitLevel, traitLevels, withTrait } from "./traits";

/** What a model says in one situation with one trait high and with it low, everything else equal. */
export interface FlippedAnswers extends Readonly<Record<TraitLevel, string>> {
  readonly situation: Situation;
  readonly trait: TraitName;
}

/** Two persons less in one: a situation whose persona has one trait at both levels. */
export function flipped(
  situations: readonly Situation[],
): { situation: Situation; trait: TraitName; sides: Record<TraitLevel, Situation> }[] {
  return situations.flatMap((situation) =>
    traitNames.map((trait) => {
      const side = (level: TraitLevel) => ({
        ...situation,
        persona: withTrait(situation.persona, trait, level),
      });
      return { situation, trait, sides: { high: side("high"), low: side("low") } };
    }),
  );
}

/**
 * Asks a model in each situation with each trait high and low, the persona's other traits as they are. Both sides are drawn by the same
 * random numbers, so that where the trait changes no probability the two say the same.
 *
 * @param name the adapter
 */
export async function flipTraits(
  speakers: Speakers,
  name: string,
  situations: readonly Situation[],
  prompt: PersonaPrompt,
  options: TextGenerationOptions,
): Promise<FlippedAnswers[]> {
  const asked = flipped(situations);
  const said = new Map<TraitLevel, string[]>();
  for (const level of traitLevels) {
    const prompts = asked.map(({ sides }) => situationPrompt(sides[level], prompt, speakers.taskType));
    said.set(
      level,
      (await speakers.say(name, prompts, options)).map(({ text }) => text),
    );
  }
  return asked.map(({ situation, trait }, i) => ({
    situation,
    trait,
    high: said.get("high")![i]!,
    low: said.get("low")![i]!,
  }));
}

/** How much a trait's label helps a model to expect what somebody with this trait said. */
export interface TraitListening {
  readonly trait: TraitName;
  readonly situations: number;
  /**
   * Mean of −log p(said | trait turned round) + log p(said | trait as it is), in nats a turn, over speakers of both levels, each level
   * counting half, with the interval of five: above 0 the model listens to the label, in the direction in which it is meant.
   */
  readonly gain: Interval;
  readonly pValue: number;
  readonly adjustedPValue: number;
  readonly isShown: boolean;
}

/**
 * Whether a model listens to labels at all, without a scorer and without drawing anything: held-out turns, by speakers who have the
 * trait, are asked for with the label as it is and with it turned round. It finds smaller effects than answers do. A trait that all
 * have at one level is left out.
 */
export async function traitListening(
  speakers: Speakers,
  name: string,
  situations: readonly Situation[],
  prompt: PersonaPrompt,
  { resamples = 2000, seed = 13 }: EffectsOptions = {},
): Promise<TraitListening[]> {
  const asked = situations.flatMap((situation) =>
    knownTraits(situation.persona).map(({ trait, level }) => ({
      trait,
      level,
      as: situation,
      turned: {
        ...situation,
        persona: withTrait(situation.persona, trait, level === "high" ? "low" : "high"),
      },
    })),
  );
  const places = new Map(situations.map((situation, i) => [situation, i]));
  const rows = (all: readonly Situation[]) =>
    all.map((one) => situationRow(one, prompt, speakers.taskType) as AskedAfter);
  const nats = await speakers.nats(name, rows([...situations, ...asked.map(({ turned }) => turned)]));
  const found = traitNames.flatMap((trait) => {
    const own = asked.flatMap(({ as, level, ...one }, i) =>
      one.trait === trait
        ? [{ level, turned: nats[situations.length + i]!, as: nats[places.get(as)!]! }]
        : [],
    );
    // Each level counts half, so that a liking for one of the two words, whoever is told it, is no gain.
    const counts = traitLevels.map((level) => own.filter((one) => one.level === level).length);
    if (counts.includes(0)) return [];
    const weight = (level: TraitLevel) => own.length / (2 * counts[traitLevels.indexOf(level)]!);
    const gain = bootstrapMean(
      own.map(({ level, turned, as }) => weight(level) * (turned - as)),
      { resamples, seed, confidence: 1 - LEVEL / traitNames.length },
    );
    const [turned, as] = (["turned", "as"] as const).map((side) =>
      meanMetric(own.map((one) => weight(one.level) * one[side])),
    ) as [AdditiveMetric, AdditiveMetric];
    return [
      { trait, situations: own.length, gain, pValue: pairedRandomizationTest(turned, as, { seed }).pValue },
    ];
  });
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map((one, i) => ({
    ...one,
    adjustedPValue: adjusted[i]!,
    isShown: isShown(one.gain, adjusted[i]!, LEVEL),
  }));
}

/** What is measured of an answer beside the trait itself. */
export const speechMeasures = {
  words: (text: string) => simpleTokens(text).length,
  sentiment,
  questions: (text: string) => Number(text.includes("?")),
  exclamations: (text: string) => Number(text.includes("!")),
} as const;
export type SpeechMeasure = keyof typeof speechMeasures;

/** How much a measure of answers differs between a trait's two levels. */
export interface TraitEffect {
  readonly trait: TraitName;
  /** `trait`: the log-odds that the trait's own scorer gives it; else one of {@link speechMeasures}. */
  readonly measure: "trait" | SpeechMeasure;
  readonly situations: number;
  /** Mean of high − low over situations, with an interval that is wide enough for five traits: 99 %. */
  readonly difference: Interval;
  /** The mean over the standard deviation of the differences (Cohen's d of pairs); 0 where all differences are 0. */
  readonly effectSize: number;
  /** Two-sided, of the paired randomisation test; then Holm's, for the five traits of a measure. */
  readonly pValue: number;
  readonly adjustedPValue: number;
  readonly isShown: boolean;
}

export interface EffectsOptions {
  readonly resamples?: number;
  readonly seed?: number;
}

/** The level of a family of five. */
const LEVEL = 0.05;

/**
 * What each trait changes: of its own scorer's log-odds, and of length, sentiment and questions. An effect is shown if its interval, at
 * 1 − 0.05 / 5, is without 0 and its p-value, adjusted by Holm for the five traits, is below 0.05.
 */
export async function traitEffects(
  answers: readonly FlippedAnswers[],
  scorers: TraitScorers,
  { resamples = 2000, seed = 13 }: EffectsOptions = {},
): Promise<TraitEffect[]> {
  const effects: TraitEffect[] = [];
  for (const measure of ["trait", ...Object.keys(speechMeasures)] as ("trait" | SpeechMeasure)[]) {
    const found = [];
    for (const trait of traitNames) {
      const own = answers.filter((one) => one.trait === trait);
      const of = async (level: TraitLevel) => {
        const texts = own.map((one) => one[level]);
        return measure === "trait" ? traitScores(scorers[trait], texts) : texts.map(speechMeasures[measure]);
      };
      const [high, low] = [await of("high"), await of("low")];
      const differences = high.map((value, i) => value - low[i]!);
      const { pValue } = pairedRandomizationTest(meanMetric(high), meanMetric(low), { seed });
      const spread = differences.length > 1 ? sampleStandardDeviation(differences) : 0;
      found.push({
        trait,
        measure,
        situations: own.length,
        difference: bootstrapMean(differences, {
          resamples,
          seed,
          confidence: 1 - LEVEL / traitNames.length,
        }),
        effectSize: spread === 0 ? 0 : mean(differences) / spread,
        pValue,
      });
    }
    const adjusted = holm(found.map(({ pValue }) => pValue));
    found.forEach((one, i) =>
      effects.push({
        ...one,
        adjustedPValue: adjusted[i]!,
        isShown: isShown(one.difference, adjusted[i]!, LEVEL),
      }),
    );
  }
  return effects;
}

/** How much the scorer of each trait (columns) moves when each trait (rows) is flipped: means of high − low. */
export async function shiftMatrix(
  answers: readonly FlippedAnswers[],
  scorers: TraitScorers,
): Promise<number[][]> {
  const rows: number[][] = [];
  for (const trait of traitNames) {
    const own = answers.filter((one) => one.trait === trait);
    const row: number[] = [];
    for (const seen of traitNames) {
      const [high, low] = [
        await traitScores(
          scorers[seen],
          own.map((one) => one.high),
        ),
        await traitScores(
          scorers[seen],
          own.map((one) => one.low),
        ),
      ];
      row.push(mean(high.map((value, i) => value - low[i]!)));
    }
    rows.push(row);
  }
  return rows;
}

/** The n-grams that answers with a trait high prefer (above 0) or avoid (below 0), beside those with it low: see `logOdds`. */
export function preferredNgrams(
  answers: readonly FlippedAnswers[],
  trait: TraitName,
  options?: LogOddsOptions,
): PreferredNgram[] {
  const own = answers.filter((one) => one.trait === trait);
  return logOdds(
    own.map(({ high }) => high),
    own.map(({ low }) => low),
    options,
  );
}
