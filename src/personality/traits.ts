import { type Persona, traitNames, type TraitName, type TraitValue } from "../corpus";

/** The letters that stand for the five traits in files and tables. */
export const traitLetters = {
  O: "openness",
  C: "conscientiousness",
  E: "extraversion",
  A: "agreeableness",
  N: "neuroticism",
} as const satisfies Readonly<Record<string, TraitName>>;
export type TraitLetter = keyof typeof traitLetters;

/** One end of a trait's scale. */
export type TraitLevel = "high" | "low";
export const traitLevels: readonly TraitLevel[] = ["high", "low"];

/** How somebody is told of a trait: its name with a level, adjectives, or what such a person does. */
export const traitWordings = ["label", "adjectives", "description"] as const;
export type TraitWording = (typeof traitWordings)[number];

interface Worded {
  readonly adjectives: string;
  /** A sentence in the second person. */
  readonly description: string;
}

/** Each end of each trait in words, after the usual adjective markers of the five factors. */
const words: Readonly<Record<TraitName, Readonly<Record<TraitLevel, Worded>>>> = {
  openness: {
    high: {
      adjectives: "curious, imaginative and inventive",
      description:
        "You love new ideas, art and odd questions, wonder aloud, and try what you have never tried.",
    },
    low: {
      adjectives: "practical, traditional and down-to-earth",
      description: "You like what is plain and familiar, keep to your ways, and have no use for fancy ideas.",
    },
  },
  conscientiousness: {
    high: {
      adjectives: "organised, careful and reliable",
      description: "You plan ahead, make lists, finish what you begin, and are always on time.",
    },
    low: {
      adjectives: "careless, messy and spontaneous",
      description:
        "You put things off, lose track of them, forget appointments, and decide on the spur of the moment.",
    },
  },
  extraversion: {
    high: {
      adjectives: "outgoing, talkative and energetic",
      description:
        "You are full of energy, talk a lot, love company and parties, and ask others to join you.",
    },
    low: {
      adjectives: "quiet, reserved and shy",
      description: "You say little, would rather be alone or with one friend, and find crowds tiring.",
    },
  },
  agreeableness: {
    high: {
      adjectives: "warm, kind and helpful",
      description: "You are kind to everybody, praise what others do, feel with them, and offer your help.",
    },
    low: {
      adjectives: "blunt, critical and stubborn",
      description: "You say bluntly what you think, disagree, find fault, and do not care whom it hurts.",
    },
  },
  neuroticism: {
    high: {
      adjectives: "anxious, moody and easily upset",
      description: "You worry about everything, fear that it will go wrong, and are easily upset.",
    },
    low: {
      adjectives: "calm, relaxed and even-tempered",
      description: "You stay calm whatever happens, worry about nothing, and take things as they come.",
    },
  },
};

/** At which end of its scale a value is: a number from the middle up is high. */
export const levelOf = (value: TraitValue): TraitLevel =>
  typeof value === "number" ? (value >= 0.5 ? "high" : "low") : value;

/** The traits of which something is known, in the order of the five. */
export function knownTraits({
  traits = {},
}: Pick<Persona, "traits">): { trait: TraitName; level: TraitLevel }[] {
  return traitNames.flatMap((trait) => {
    const value = traits[trait];
    return value === undefined ? [] : [{ trait, level: levelOf(value) }];
  });
}

/** The same persona with one trait at a level, whatever it was before. */
export function withTrait(persona: Persona, trait: TraitName, level: TraitLevel): Persona {
  return { ...persona, traits: { ...persona.traits, [trait]: level } };
}

/** The same persona of whose traits nothing is known. */
export function withoutTraits({ traits: _, ...persona }: Persona): Persona {
  return persona;
}

/** A persona's traits for a prompt: `high openness, low neuroticism`, adjectives, or sentences; empty where none is known. */
export function traitText(persona: Pick<Persona, "traits">, wording: TraitWording): string {
  const known = knownTraits(persona);
  if (wording === "label") return known.map(({ trait, level }) => `${level} ${trait}`).join(", ");
  const said = known.map(
    ({ trait, level }) => words[trait][level][wording === "adjectives" ? "adjectives" : "description"],
  );
  return said.join(wording === "adjectives" ? "; " : " ");
}
