/** The Big Five, by their full names. */
export const traitNames = [
  "openness",
  "conscientiousness",
  "extraversion",
  "agreeableness",
  "neuroticism",
] as const;
export type TraitName = (typeof traitNames)[number];

/** How much of a trait somebody has: a level, or a share of its scale in 0–1, where 0.5 is the middle. */
export type TraitValue = "low" | "high" | number;

/** Who speaks: what is true of them, and how they are. */
export interface Persona {
  /** Names the persona across dialogues, as in `[PERSONA: id]`; one line without square brackets. */
  readonly id?: string;
  /** One sentence each; none for a speaker of whom nothing is known. */
  readonly facts: readonly string[];
  /** Traits of which something is known. */
  readonly traits?: Readonly<Partial<Record<TraitName, TraitValue>>>;
}

/** The facts of all personas, the first persona's first. */
export function factsOf(personas: readonly Persona[]): string[] {
  return personas.flatMap(({ facts }) => facts);
}

/** The facts of both personas, one a line: what baselines are given, and what retrieval searches with. */
export function personaText({ personas }: { readonly personas: readonly Persona[] }): string {
  return factsOf(personas).join("\n");
}
