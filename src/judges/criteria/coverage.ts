import { contentWords } from "../../metrics";
import { simpleTokens } from "../../text";
import type { Judge } from "../case";
import { criterion } from "./criterion";

/**
 * Persona coverage of one answer, 0–1: the share of a fact's content words that the answer has, of the fact of which it has most.
 *
 *     coverage = max over facts f of |W(f) ∩ W(answer)| / |W(f)|
 *
 * with W the {@link contentWords}. One fact is as good as all of them, so that a list of facts earns no more than a mention.
 *
 * Its weakness: a rule about words. A denial has the same words, and what is said in wholly other words is not seen.
 */
export const coverage: Judge = criterion({
  ...{ name: "coverage", scale: [0, 1], needs: ["persona"], fingerprint: 1 },
  judge({ persona, answer }) {
    const said = new Set(simpleTokens(answer));
    let best = { share: 0, reason: "it has no content word of any fact" };
    for (const fact of persona!.facts) {
      const wanted = [...contentWords(fact)];
      const found = wanted.filter((word) => said.has(word));
      const share = wanted.length === 0 ? 0 : found.length / wanted.length;
      if (share > best.share) best = { share, reason: `it has ${found.join(", ")} of "${fact}"` };
    }
    return { score: best.share, reason: best.reason };
  },
});
