import { simpleTokens } from "../../text";
import type { Judge } from "../case";
import { copiedShare } from "./copied";
import { criterion } from "./criterion";

/** Tokens in a row that an answer and an earlier turn both have, from which on it counts as said again. */
const RUN = 5;

/**
 * Whether an answer says something once, 0–1:
 *
 *     repetition = distinct pairs / pairs · (1 − said again)
 *
 * over the answer's pairs of neighbouring tokens (1 where there are none), and the share of its tokens in runs of 5 or more that an
 * earlier turn of either speaker has. 1 repeats nothing.
 *
 * Its weakness: the first factor falls a little with every word, also where nothing is wrong.
 */
export const repetition: Judge = criterion({
  ...{ name: "repetition", scale: [0, 1], needs: [], fingerprint: { run: RUN } },
  judge({ history, answer }) {
    const tokens = simpleTokens(answer);
    const pairs = tokens.slice(1).map((token, i) => `${tokens[i]!} ${token}`);
    const distinct = pairs.length === 0 ? 1 : new Set(pairs).size / pairs.length;
    const turns = history.map(({ text }) => simpleTokens(text)).filter(({ length }) => length >= RUN);
    const again = copiedShare(tokens, turns, RUN);
    return {
      score: distinct * (1 - again),
      reason: `${Math.round(100 * distinct)} % of its pairs of words are distinct, ${Math.round(100 * again)} % was said before`,
    };
  },
});
