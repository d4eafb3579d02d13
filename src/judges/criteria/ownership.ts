import { ownedFacts, says } from "../../metrics";
import type { Judge } from "../case";
import { criterion } from "./criterion";

/**
 * Whose facts an answer tells, −1…1. Of the facts of both that the answer says, those are owned whose telling turn is their
 * own speaker's ({@link ownedFacts}, over what was said before and the answer):
 *
 *     ownership = (owned − others) / (owned + others), 0 where the answer says no fact
 *
 * So to come back to what the other has told costs nothing; to tell it as one's own does. Without the other's persona only the
 * own facts are looked at.
 *
 * Its weakness: a rule about words, as coverage is: who asks about the other's fact before it was told counts as one who tells it.
 */
export const ownership: Judge = criterion({
  ...{ name: "ownership", scale: [-1, 1], needs: ["persona"], fingerprint: 1 },
  judge({ persona, other, history, answer }) {
    const saidIn = (facts: readonly string[]) => facts.filter((fact) => says([{ text: answer }], fact));
    const turns = [
      ...history.map(({ by, text }) => ({ speaker: by === "self" ? (1 as const) : (2 as const), text })),
      { speaker: 1 as const, text: answer },
    ];
    const { said, owned } = ownedFacts(turns, [saidIn(persona!.facts), saidIn(other?.facts ?? [])]);
    if (said === 0) return { score: 0, reason: "it says no fact that belongs to one of the two" };
    return {
      score: (2 * owned - said) / said,
      reason: `of ${said} facts that it says, ${owned} are told by whom they belong to`,
    };
  },
});
