import { type Dialogue, readCsv, traitNames, type TraitName } from "../corpus";
import { bootstrapInterval, type BootstrapOptions, type Interval } from "../metrics";
import { correlationMetric } from "../statistics";
import { simpleTokens } from "../text";
import { type TraitScorers, traitScores } from "./scoring";

/** Adjectives that somebody gives a person, by trait: for much of it, and for little. */
const adjectives: Readonly<Record<TraitName, readonly [high: string, low: string]>> = {
  openness: [
    "creative curious imaginative adventurous artistic inventive quirky open",
    "practical traditional simple conventional",
  ],
  conscientiousness: [
    "organized ambitious dedicated determined disciplined driven responsible reliable hardworking",
    "laid lazy messy spontaneous carefree",
  ],
  extraversion: [
    "outgoing sociable energetic enthusiastic cheerful talkative lively social",
    "introverted quiet reserved shy introspective",
  ],
  agreeableness: [
    "friendly caring nurturing kind warm empathetic compassionate supportive",
    "blunt stubborn critical competitive sarcastic",
  ],
  neuroticism: [
    "anxious nervous worried moody sensitive insecure",
    "calm confident easygoing relaxed optimistic",
  ],
};

/** What was said of somebody, with the facts by which that one is found. */
export interface DescribedSpeaker {
  readonly facts: string;
  readonly personality: string;
}

/**
 * Reads spc-personality (hxhkim/Synthetic-Persona-Chat, CC-BY-4.0): a sentence on the personality of each speaker of
 * Synthetic-Persona-Chat, which a language model wrote.
 *
 * @throws {Error} if a column is missing
 */
export function readDescribedSpeakers(path: string): DescribedSpeaker[] {
  const { header, rows } = readCsv(path);
  const [personality, background] = ["personality", "background"].map((name) => {
    const at = header.indexOf(name);
    if (at < 0) throw new Error(`${path}: there is no column ${name}; it has ${header.join(", ")}`);
    return at;
  }) as [number, number];
  return rows.map(({ fields }) => ({ facts: key(fields[background]!), personality: fields[personality]! }));
}

const key = (text: string) => simpleTokens(text).join(" ");

/** How a trait's scorer goes with adjectives. */
export interface AdjectiveCorrelation {
  readonly trait: TraitName;
  readonly speakers: number;
  /** Pearson's, of the scorer's log-odds on what somebody says with the adjectives of this one's description: those of much less those of little. */
  readonly correlation: Interval;
}

/**
 * Whether scorers go with what a language model wrote about the same speakers: no label is given there, so that nothing but a correlation
 * can be had. Speakers are found by their facts, whose description is the first of these.
 *
 * @throws {Error} if no speaker is found
 */
export async function adjectiveCorrelations(
  dialogues: readonly Dialogue[],
  described: readonly DescribedSpeaker[],
  scorers: TraitScorers,
  bootstrap?: BootstrapOptions,
): Promise<AdjectiveCorrelation[]> {
  const byFacts = new Map(
    [...described].reverse().map(({ facts, personality }) => [facts, simpleTokens(personality)]),
  );
  const found = dialogues.flatMap(({ personas, turns }) =>
    personas.flatMap(({ facts }, i) => {
      const words = byFacts.get(key(facts.join(" ")));
      const said = turns.filter(({ speaker }) => speaker === i + 1).map(({ text }) => text);
      return words && said.length > 0 ? [{ words, said: said.join("\n") }] : [];
    }),
  );
  if (found.length < 2)
    throw new Error(
      "no speakers of these dialogues are described: their facts are not among those of the descriptions",
    );
  const correlations: AdjectiveCorrelation[] = [];
  for (const trait of traitNames) {
    const scores = await traitScores(
      scorers[trait],
      found.map(({ said }) => said),
    );
    const [high, low] = adjectives[trait].map((list) => new Set(list.split(" "))) as [
      Set<string>,
      Set<string>,
    ];
    const values = found.map(
      ({ words }) =>
        words.filter((word) => high.has(word)).length - words.filter((word) => low.has(word)).length,
    );
    correlations.push({
      trait,
      speakers: found.length,
      correlation: bootstrapInterval(correlationMetric(scores, values), bootstrap),
    });
  }
  return correlations;
}
