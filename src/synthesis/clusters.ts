import type { TextVectors } from "./vectors";

/** Two clusters that became one, each named by one of its members, and how alike they were. */
export interface Merge {
  readonly a: number;
  readonly b: number;
  readonly similarity: number;
}

/** The most texts: their similarities take 4 · n² bytes. */
const MOST = 12_000;

/**
 * Agglomerative clustering by average linkage: each text begins alone, and the two clusters that are most alike become one until all
 * are, where
 *
 *     similarity(A, B) = mean over a in A, b in B of cosine(a, b)
 *
 * By the nearest-neighbour chain, in O(n²) steps: the merges are those of looking for the best pair each time.
 *
 * @returns the n − 1 merges, the most alike first
 * @throws {RangeError} for more than 12,000 texts
 */
export function agglomerate(vectors: TextVectors): Merge[] {
  const count = vectors.texts.length;
  if (count > MOST)
    throw new RangeError(`${count} texts are too many to cluster, at most ${MOST}: take a part of them`);
  const similar = similarities(vectors);
  const sizes = new Int32Array(count).fill(1);
  const merges: Merge[] = [];
  const chain: number[] = [];
  let first = 0;
  while (merges.length < count - 1) {
    if (chain.length === 0) {
      while (sizes[first] === 0) first++;
      chain.push(first);
    }
    const top = chain.at(-1)!;
    const before = chain.at(-2);
    // Of equals the one before, so that the chain ends.
    let best = before ?? -1;
    for (let other = 0; other < count; other++) {
      if (other === top || sizes[other] === 0) continue;
      if (best < 0 || similar[top * count + other]! > similar[top * count + best]!) best = other;
    }
    if (best !== before) {
      chain.push(best);
      continue;
    }
    chain.length -= 2;
    const [a, b] = [Math.min(top, best), Math.max(top, best)];
    merges.push({ a, b, similarity: similar[a * count + b]! });
    const [own, others] = [sizes[a]!, sizes[b]!];
    for (let k = 0; k < count; k++) {
      if (k === a || k === b || sizes[k] === 0) continue;
      const joined = (own * similar[a * count + k]! + others * similar[b * count + k]!) / (own + others);
      similar[a * count + k] = joined;
      similar[k * count + a] = joined;
    }
    sizes[a] = own + others;
    sizes[b] = 0;
  }
  return merges.sort((x, y) => y.similarity - x.similarity);
}

/** The cluster of each text, numbered as they come: all merges of more than `threshold` are made. */
export function cutAt(merges: readonly Merge[], threshold: number): number[] {
  const parents = Array.from({ length: merges.length + 1 }, (_, i) => i);
  const root = (i: number): number => (parents[i] === i ? i : (parents[i] = root(parents[i]!)));
  for (const { a, b, similarity } of merges) if (similarity > threshold) parents[root(b)] = root(a);
  const numbers = new Map<number, number>();
  return parents.map((_, i) => {
    const own = root(i);
    if (!numbers.has(own)) numbers.set(own, numbers.size);
    return numbers.get(own)!;
  });
}

/** What a clustering is like. */
export interface ClusterMeasures {
  readonly clusters: number;
  /** Texts that are alone in theirs. */
  readonly alone: number;
  /** Texts of the largest. */
  readonly largest: number;
  /** Mean cosine of two texts of one cluster; 0 where all are alone. */
  readonly coherence: number;
  /** Mean cosine distance (1 − cosine) of two texts of different clusters; 0 where there is one. */
  readonly distance: number;
  /**
   * Mean silhouette (Rousseeuw 1987), −1 to 1: (b − a) / max(a, b) with a the mean distance of a text to the others of its cluster, b that
   * to the nearest other cluster; 0 for one that is alone.
   */
  readonly silhouette: number;
}

/** Measures clusters, given by the number of each text's. */
export function measureClusters(vectors: TextVectors, labels: readonly number[]): ClusterMeasures {
  const clusters = Math.max(-1, ...labels) + 1;
  const sizes = new Array<number>(clusters).fill(0);
  for (const label of labels) sizes[label]!++;
  let [within, withinPairs, between, betweenPairs, silhouettes] = [0, 0, 0, 0, 0];
  labels.forEach((label, i) => {
    const sums = new Float64Array(clusters);
    labels.forEach((other, j) => {
      if (i !== j) sums[other]! += 1 - vectors.cosine(i, j);
    });
    let nearest = Infinity;
    sums.forEach((sum, other) => {
      if (other === label) return;
      between += sum;
      betweenPairs += sizes[other]!;
      nearest = Math.min(nearest, sum / sizes[other]!);
    });
    const own = sizes[label]! - 1;
    if (own === 0) return;
    within += own - sums[label]!;
    withinPairs += own;
    const a = sums[label]! / own;
    if (Number.isFinite(nearest) && Math.max(a, nearest) > 0)
      silhouettes += (nearest - a) / Math.max(a, nearest);
  });
  return {
    clusters,
    alone: sizes.filter((size) => size === 1).length,
    largest: Math.max(0, ...sizes),
    coherence: withinPairs === 0 ? 0 : within / withinPairs,
    distance: betweenPairs === 0 ? 0 : between / betweenPairs,
    silhouette: labels.length === 0 ? 0 : silhouettes / labels.length,
  };
}

/** Thresholds with what they make of the same texts. */
export function sweepThresholds(
  vectors: TextVectors,
  merges: readonly Merge[],
  thresholds: readonly number[],
): (ClusterMeasures & { readonly threshold: number })[] {
  return thresholds.map((threshold) => ({
    threshold,
    ...measureClusters(vectors, cutAt(merges, threshold)),
  }));
}

/** Share of the texts that a cluster may hold where a threshold is calibrated: what holds more is no subject any more. */
const LARGEST = 1 / 5;

/** The threshold of the greatest silhouette among those at which no cluster has more than a fifth of the texts, else among all. */
export function calibrated(
  swept: readonly (ClusterMeasures & { readonly threshold: number })[],
  texts: number,
): number {
  if (swept.length === 0) throw new RangeError("no threshold was tried");
  const fine = swept.filter(({ largest }) => largest <= LARGEST * texts);
  return (fine.length > 0 ? fine : swept).reduce((best, next) =>
    next.silhouette > best.silhouette ? next : best,
  ).threshold;
}

function similarities(vectors: TextVectors): Float32Array {
  const count = vectors.texts.length;
  const all = new Float32Array(count * count);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const cosine = vectors.cosine(a, b);
      all[a * count + b] = cosine;
      all[b * count + a] = cosine;
    }
  }
  return all;
}
