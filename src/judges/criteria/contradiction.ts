import { sentences } from "../../metrics";
import type { InferenceScorer } from "../inference";
import type { Judge } from "../case";
import { criterion } from "./criterion";

/**
 * Whether an answer contradicts what is known of who speaks, 0–1:
 *
 *     consistency = 1 − max over p, h of P(contradiction | p, h)
 *
 * with p the persona's facts and the sentences that the same person said before, h the answer's sentences, questions left out on both
 * sides; 1 where there is nothing to compare. One contradiction is enough: the rest of an answer does not make up for it.
 *
 * Its weakness: it is as good as its scorer, whose errors add up here, as the greatest of many noisy numbers is taken. See the
 * scorer's card.
 */
export function contradiction(scorer: InferenceScorer): Judge {
  return criterion({
    ...{ name: "contradiction", scale: [0, 1], needs: ["persona"], fingerprint: scorer.fingerprint },
    async judge({ persona, history, answer }) {
      const told = (text: string) => sentences(text).filter((sentence) => !sentence.endsWith("?"));
      const own = history.filter(({ by }) => by === "self").flatMap(({ text }) => told(text));
      const pairs = [...persona!.facts, ...own].flatMap((premise) =>
        told(answer).map((hypothesis): [string, string] => [premise, hypothesis]),
      );
      let worst = { probability: 0, reason: "it says nothing that could contradict" };
      (await scorer.infer(pairs)).forEach(({ contradiction: probability }, i) => {
        const [premise, hypothesis] = pairs[i]!;
        if (probability > worst.probability)
          worst = {
            probability,
            reason: `"${hypothesis}" contradicts "${premise}" with ${probability.toFixed(2)}`,
          };
      });
      return { score: 1 - worst.probability, reason: worst.reason };
    },
  });
}
