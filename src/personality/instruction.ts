import { type Persona } from "../corpus";
import { personaInstruction } from "../prompts";
import { traitText, type TraitWording, withoutTraits } from "./traits";

/**
 * How a model is told who it is: P tells facts alone, PT facts and traits, in one of three wordings (see `traitText`).
 */
export type PersonaPrompt = "P" | TraitWording;

/** The system message of a prompt. The wording `label` is that of `personaInstruction`, by which models are asked everywhere else. */
export function traitInstruction(persona: Persona, prompt: PersonaPrompt): string {
  const facts = personaInstruction(withoutTraits(persona));
  if (prompt === "P") return facts;
  const known = traitText(persona, prompt);
  if (known === "") return facts;
  return `${facts}\n\nYour personality: ${known}${known.endsWith(".") ? "" : "."}`;
}
