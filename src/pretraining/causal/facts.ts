import type { Random } from "../../random";
import type { Document } from "../documents";
import type { PretrainingTokens } from "../tokens";
import type { CausalText } from "./text";

/** A list of facts of the two personas, and the list again, in its own order or in that of the corpus; no dialogue. */
export function factsText({ personas }: Document, special: PretrainingTokens, random: Random): CausalText {
  const facts = personas.flatMap((persona) => persona.facts);
  const some = facts.filter(() => random.uniform() < 0.7);
  const listed = random.shuffle(some);
  const again = random.uniform() < 0.5 ? some : listed;
  return { tokens: [...listed.flat(), special.repeat, ...again.flat(), special.eos], given: 0 };
}
