import { isSpecified, type Persona, specificationLines } from "../corpus";

/** What a model is told of a persona: a system message. */
export function personaInstruction(persona: Persona): string {
  const { facts, traits = {} } = persona;
  const known = Object.entries(traits).map(([trait, value]) =>
    typeof value === "number" ? `${trait} ${value} of 1` : `${value} ${trait}`,
  );
  return [
    "You are the person described here, in a conversation with somebody. Speak as this person, in the first person, briefly. " +
      "Say nothing that contradicts what is true of you.",
    ...(facts.length > 0 ? ["", "What is true of you:", ...facts.map((fact) => `- ${fact}`)] : []),
    ...(known.length > 0 ? ["", `Your personality: ${known.join(", ")}.`] : []),
    ...(isSpecified(persona)
      ? ["", "How you are:", ...specificationLines(persona).map((line) => `- ${line}`)]
      : []),
  ].join("\n");
}
