import { simpleTokens } from "../../text";
import type { Judge } from "../case";
import { copiedShare } from "./copied";
import { criterion } from "./criterion";

/** Tokens in a row that an answer and a fact both have, from which on it counts as recited. */
const RUN = 4;

/**
 * Whether an answer is in words of its own, ½–1: it may recite half of itself from the persona's facts without loss.
 *
 *     own words = 1 − max(0, recited − ½)
 *
 * with recited the share of the answer's tokens in runs of 4 or more (of a shorter fact, all of it) that a fact has in the same order. It
 * is meant as a limit: who recites facts and nothing else gets no more than the middle of the scale, however well the facts fit.
 *
 * Its weakness: a list of facts in other words passes it.
 */
export const ownWords: Judge = criterion({
  ...{ name: "own words", scale: [0, 1], needs: [], fingerprint: { run: RUN } },
  judge({ persona, answer }) {
    const facts = (persona?.facts ?? []).map(simpleTokens);
    const recited = copiedShare(simpleTokens(answer), facts, RUN);
    return {
      score: 1 - Math.max(0, recited - 0.5),
      reason: `${Math.round(100 * recited)} % of it is recited from the persona`,
    };
  },
});
