import { factsOf, type Persona } from "../corpus";
import { ownedFacts, personaCoverage } from "../metrics";

/**
 * The most personal of several answers: that in which the most facts more are said by their owners than by the other speaker
 * ({@link ownedFacts}); of equals the one that says the largest share of the personas' content words (persona coverage without
 * stop words), and of these the first. It looks at the input alone, never at the reference: an answer for a test conversation is
 * chosen as it would be for any two personas.
 */
export function mostPersonal(answers: readonly string[], personas: readonly Persona[]): string {
  const facts = personas.map((persona) => persona.facts);
  const ranked = answers.map((answer) => {
    const { said, owned } = ownedFacts(answer, facts);
    return {
      answer,
      balance: owned - (said - owned),
      share: personaCoverage(answer, factsOf(personas), { ignoreStopWords: true }),
    };
  });
  return ranked.reduce((best, next) =>
    next.balance > best.balance || (next.balance === best.balance && next.share > best.share) ? next : best,
  ).answer;
}
