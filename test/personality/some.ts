import type { Persona } from "../../src/corpus/persona";
import type { TraitDialogue } from "../../src/personality/twins";

/** Dialogues in which who has high traits says "party" and who has low ones says "quiet"; their twins say neither. */
export function someDialogues(count = 8): TraitDialogue[] {
  return Array.from({ length: count }, (_, i) => {
    const level = i % 2 === 0 ? "high" : "low";
    const persona = (fact: string): Persona => ({
      facts: [fact],
      traits: {
        openness: level,
        conscientiousness: level,
        extraversion: level,
        agreeableness: level,
        neuroticism: level,
      },
    });
    const personas = [persona("I drive a tram."), persona("I bake bread.")] as const;
    const word = level === "high" ? "party" : "quiet";
    const say = (form: "traits" | "plain"): TraitDialogue => ({
      id: `p${i} ${form}`,
      pair: `p${i}`,
      form,
      personas,
      turns: [
        { speaker: 1, text: form === "traits" ? `A ${word} tonight?` : "A walk tonight?" },
        { speaker: 2, text: form === "traits" ? `Yes, a ${word}.` : "Yes, a walk." },
        { speaker: 1, text: "My tram is late." },
        { speaker: 2, text: "The bread is ready." },
      ],
    });
    return [say("traits"), say("plain")];
  }).flat();
}
