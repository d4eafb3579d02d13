/** Scorers for tests: rules that anybody can follow, in the place of models. */
import type { InferenceScorer } from "../../../src/judges/inference";
import type { Likelihood } from "../../../src/likelihood/likelihood";
import { simpleTokens } from "../../../src/text/characters";

/**
 * A model of words: one of a fact in the system message costs 1 nat, one that was said before 2, any other 4; the end of an answer
 * costs 1. What stands before is all texts together.
 */
export const wordLikelihood: Likelihood & { calls: number } = {
  name: "words",
  fingerprint: "words",
  calls: 0,
  dispose: () => Promise.resolve(),
  logprobs(said) {
    this.calls++;
    return Promise.resolve(
      said.map(({ before, answer }) => {
        const wordsOf = (texts: readonly string[]) =>
          new Set(simpleTokens(texts.join(" ")).filter((word) => word.length > 2));
        const system = before.find(({ role }) => role === "system")?.content ?? "";
        const persona = wordsOf(system.split("\n").filter((line) => line.startsWith("- ")));
        const history = wordsOf(before.filter(({ role }) => role !== "system").map(({ content }) => content));
        return [
          ...simpleTokens(answer).map((one) => (persona.has(one) ? -1 : history.has(one) ? -2 : -4)),
          -1,
        ];
      }),
    );
  },
};

/** A logistic model of two features: words that both have, and a denial in one of the two alone. */
export const logisticInference: InferenceScorer = {
  name: "logistic",
  fingerprint: "logistic",
  infer: (pairs) =>
    Promise.resolve(
      pairs.map(([premise, hypothesis]) => {
        const [p, h] = [simpleTokens(premise), simpleTokens(hypothesis)];
        const content = p.filter((word) => word.length > 3);
        const shared = content.filter((word) => h.includes(word)).length / Math.max(1, content.length);
        const denies = (words: readonly string[]) =>
          words.some((word) => /^(no|not|never|cannot|don|t)$/.test(word));
        const scores = [2 * shared, 1, 6 * shared * Number(denies(p) !== denies(h))].map(Math.exp);
        const sum = scores.reduce((a, b) => a + b, 0);
        const [entailment, neutral, contradiction] = scores.map((score) => score / sum) as [
          number,
          number,
          number,
        ];
        return { entailment, neutral, contradiction };
      }),
    ),
};
