/** TTR at which a segment of MTLD is full. */
const FULL = 0.72;

/**
 * Type–token ratio of the first `count` tokens: distinct ones over all. It falls as texts grow longer, so that texts are compared at
 * one number of tokens only, which is stated beside it.
 *
 * @throws {RangeError} if there are fewer tokens, or `count` is no whole number from 1
 */
export function typeTokenRatio(tokens: readonly string[], count: number): number {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`typeTokenRatio: count must be a whole number from 1, not ${count}`);
  if (tokens.length < count)
    throw new RangeError(`typeTokenRatio: there are ${tokens.length} tokens, fewer than ${count}`);
  return new Set(tokens.slice(0, count)).size / count;
}

/**
 * Measure of textual lexical diversity (McCarthy and Jarvis 2010): how many tokens go by, on average, until the ratio of types to
 * tokens has fallen to 0.72. A scan counts a factor and begins a new segment whenever types / tokens ≤ 0.72; what is left over is a
 * part of a factor:
 *
 *     factors  = full segments + (1 − TTR of the rest) / (1 − 0.72)
 *     scan     = tokens / factors
 *     MTLD     = (scan forwards + scan backwards) / 2
 *
 * Where no token repeats there is no factor; the scan is then the number of tokens, as in LexicalRichness (other programs return −1).
 * Below fifty tokens it says little. 0 without tokens.
 *
 * @param tokens lower-cased, without punctuation: `simpleTokens`
 */
export function mtld(tokens: readonly string[]): number {
  if (tokens.length === 0) return 0;
  return (scan(tokens) + scan([...tokens].reverse())) / 2;
}

function scan(tokens: readonly string[]): number {
  let [factors, length] = [0, 0];
  const types = new Set<string>();
  for (const token of tokens) {
    types.add(token);
    length++;
    if (types.size / length > FULL) continue;
    factors++;
    length = 0;
    types.clear();
  }
  if (length > 0) factors += (1 - types.size / length) / (1 - FULL);
  return tokens.length / (factors === 0 ? 1 : factors);
}
