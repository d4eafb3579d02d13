import { personaCoverage } from "../metrics";
import { lacksPersona, personasOf } from "./about";
import type { Reward, Score } from "./reward";

/**
 * How much of who answers is in the answer: content words of the assistant's facts that the completion says / all content words of
 * these facts, 0…1. An answer of one sentence has few of them. Who answers stands in the row's `meta.personas`; where it does not,
 * a case is unscorable.
 */
export function coverageReward(): Reward {
  return {
    name: "coverage",
    score: (cases) =>
      cases.map(({ completion, about }): Score => {
        const unscorable = lacksPersona(about);
        if (unscorable !== undefined) return { unscorable };
        return personaCoverage(completion, personasOf(about)!.assistant.facts, { ignoreStopWords: true });
      }),
    lacks: lacksPersona,
    fingerprint: { reward: "coverage" },
  };
}
