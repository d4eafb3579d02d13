import { ownedFacts } from "../metrics";
import { lacksPersona, personasOf } from "./about";
import type { Reward, Score } from "./reward";

/**
 * Whether the assistant speaks of itself: (own facts − the user's facts) / facts that come up in the completion, −1…1, and 0 where
 * none comes up; facts as {@link ownedFacts} counts them. Both personas stand in the row's `meta.personas`; where nothing is known
 * of who answers, a case is unscorable.
 */
export function ownershipReward(): Reward {
  return {
    name: "ownership",
    score: (cases) =>
      cases.map(({ completion, about }): Score => {
        const unscorable = lacksPersona(about);
        if (unscorable !== undefined) return { unscorable };
        const { assistant, user } = personasOf(about)!;
        const { said, owned } = ownedFacts([{ speaker: 1, text: completion }], [assistant.facts, user.facts]);
        return said === 0 ? 0 : (2 * owned - said) / said;
      }),
    lacks: lacksPersona,
    fingerprint: { reward: "ownership" },
  };
}
