import { simpleTokens } from "../text";

/** An n-gram that one of two groups of texts says more than the other. */
export interface PreferredNgram {
  readonly ngram: string;
  /** How often each group says it. */
  readonly counts: readonly [number, number];
  /** δ: log-odds in the first group less those in the second, in nats. */
  readonly difference: number;
  /** δ over its standard deviation: above 0 the first group prefers it, below 0 it avoids it. */
  readonly z: number;
}

export interface LogOddsOptions {
  /**
   * The most words of an n-gram; all from 1 up to it are counted.
   * @default 2
   */
  readonly most?: number;
  /**
   * In how many texts of the two groups together an n-gram must be.
   * @default 3
   */
  readonly least?: number;
  /**
   * α₀: how many n-grams of the background the prior is worth. More of it draws rare ones to 0.
   * @default as many as the two groups say together, divided by 10
   */
  readonly strength?: number;
  /**
   * What people say anyway, from which the prior is made.
   * @default the two groups together
   */
  readonly background?: readonly string[];
}

/**
 * Which n-grams two groups of texts differ in: log-odds ratios with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008,
 * "Fightin' Words"). With y counts of an n-gram w, n those of all n-grams of a group, and α of the prior,
 *
 *     δ_w = ln (y¹_w + α_w) / (n¹ + α₀ − y¹_w − α_w) − ln (y²_w + α_w) / (n² + α₀ − y²_w − α_w)
 *     var δ_w ≈ 1 / (y¹_w + α_w) + 1 / (y²_w + α_w)
 *     z_w = δ_w / √var δ_w,      α_w = α₀ · share of w in the background
 *
 * n-grams of different lengths are counted apart, each with a prior of its own, and do not cross from one text to the next.
 *
 * @returns the n-grams by falling z, equal ones by name
 * @throws {RangeError} if a group has no words
 */
export function logOdds(
  first: readonly string[],
  second: readonly string[],
  { most = 2, least = 3, strength, background = [...first, ...second] }: LogOddsOptions = {},
): PreferredNgram[] {
  if (!Number.isInteger(most) || most < 1)
    throw new RangeError(`logOdds: most must be a whole number from 1, not ${most}`);
  const found: PreferredNgram[] = [];
  for (let length = 1; length <= most; length++) {
    const [a, b] = [countNgrams(first, length), countNgrams(second, length)];
    if (length === 1 && (a.total === 0 || b.total === 0))
      throw new RangeError(`logOdds: the ${a.total === 0 ? "first" : "second"} group says nothing`);
    const prior = countNgrams(background, length);
    const weight = strength ?? (a.total + b.total) / 10;
    for (const ngram of new Set([...a.counts.keys(), ...b.counts.keys()])) {
      const texts = (a.texts.get(ngram) ?? 0) + (b.texts.get(ngram) ?? 0);
      if (texts < least) continue;
      const [one, other] = [a.counts.get(ngram) ?? 0, b.counts.get(ngram) ?? 0];
      // What is not in the background is as rare there as what is said once.
      const alpha = (weight * Math.max(1, prior.counts.get(ngram) ?? 0)) / Math.max(1, prior.total);
      const odds = (y: number, n: number) => Math.log((y + alpha) / (n + weight - y - alpha));
      const difference = odds(one, a.total) - odds(other, b.total);
      const z = difference / Math.sqrt(1 / (one + alpha) + 1 / (other + alpha));
      if (Number.isFinite(z)) found.push({ ngram, counts: [one, other], difference, z });
    }
  }
  return found.sort((x, y) => y.z - x.z || (x.ngram < y.ngram ? -1 : 1));
}

function countNgrams(texts: readonly string[], length: number) {
  const counts = new Map<string, number>();
  const inTexts = new Map<string, number>();
  let total = 0;
  for (const text of texts) {
    const tokens = simpleTokens(text);
    const own = new Set<string>();
    for (let at = 0; at + length <= tokens.length; at++) {
      const ngram = tokens.slice(at, at + length).join(" ");
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
      own.add(ngram);
      total++;
    }
    for (const ngram of own) inTexts.set(ngram, (inTexts.get(ngram) ?? 0) + 1);
  }
  return { counts, texts: inTexts, total };
}
