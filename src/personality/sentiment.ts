import { simpleTokens } from "../text";

const positive = new Set(
  (
    "amazing beautiful best better bright calm care cheerful comfortable cosy cute delicious delighted easy enjoy enjoyed excellent " +
    "excited exciting fantastic fine friendly fun funny generous gentle glad good gorgeous grateful great happy helpful hope incredible " +
    "interesting joy kind laugh lovely love loved loves lucky marvellous nice perfect pleasant pleased pleasure proud relaxed relaxing " +
    "safe smile splendid strong super sweet thank thanks thrilled warm welcome well wonderful"
  ).split(" "),
);
const negative = new Set(
  (
    "afraid alone angry annoyed annoying anxious awful bad bored boring broke broken burnt complain cruel damn dead die died dreadful " +
    "dull fail failed fault fear fears fool hard hate hated horrible hurt hurts ill impossible lie lonely lose losing lost mess mistake " +
    "moan nasty nervous nonsense panic poor rude ruin ruined sad scared sick silly sorry stupid terrible tired trouble ugly upset useless " +
    "weak worried worries worry worse worst wrong"
  ).split(" "),
);
/** What turns the word that follows it round, as simple tokens leave it: "don't" is "don" and "t". */
const turning = new Set(["not", "no", "never", "t", "hardly", "without"]);
/** Words between what turns round and what is turned. */
const REACH = 2;

/**
 * How glad or sorry a text's words are, by two lists of a hundred English words of our own: (glad words − sorry words) per word, where
 * one of "not, no, never, n't, hardly, without" turns the two words behind it round. It knows neither irony nor anything that is not in
 * its lists, and says something of means over many texts alone. 0 for a text without words.
 */
export function sentiment(text: string): number {
  const tokens = simpleTokens(text);
  let sum = 0;
  tokens.forEach((token, at) => {
    const value = Number(positive.has(token)) - Number(negative.has(token));
    if (value === 0) return;
    const isTurned = tokens.slice(Math.max(0, at - REACH), at).some((before) => turning.has(before));
    sum += isTurned ? -value : value;
  });
  return tokens.length === 0 ? 0 : sum / tokens.length;
}
