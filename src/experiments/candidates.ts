import { personaCoverage } from "../metrics";

/**
 * The answer that says the largest share of the personas' content words (persona coverage without stop words), the first of
 * equals. It looks at the input alone, never at the reference: an answer for a test conversation is chosen as it would be
 * for any two personas.
 */
export function mostPersonal(answers: readonly string[], persona: readonly string[]): string {
  const shares = answers.map((answer) => personaCoverage(answer, persona, { ignoreStopWords: true }));
  return answers[shares.indexOf(Math.max(...shares))]!;
}
