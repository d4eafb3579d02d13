import type { Profile } from "./profiles";
import type { TextVectors } from "./vectors";

/** Two profiles that talk with each other, with how much they have in common. */
export interface ProfilePair {
  readonly first: number;
  readonly second: number;
  /** Pairs of attributes that lie in one cluster. */
  readonly shared: number;
}

/** How alike two profiles are: the number of pairs (π₁, π₂) of their attributes that lie in one cluster. */
export function sharedClusters(a: Profile, b: Profile, clusters: readonly number[]): number {
  return a.reduce((sum, one) => sum + b.filter((other) => clusters[one] === clusters[other]).length, 0);
}

/** All pairs of profiles that share at least `threshold`, the most alike first, then in order. */
export function pairProfiles(
  profiles: readonly Profile[],
  clusters: readonly number[],
  threshold: number,
): ProfilePair[] {
  const pairs = profiles.flatMap((a, first) =>
    profiles.slice(first + 1).map((b, i) => ({
      ...{ first, second: first + 1 + i, shared: sharedClusters(a, b, clusters) },
    })),
  );
  return pairs.filter(({ shared }) => shared >= threshold).sort((x, y) => y.shared - x.shared);
}

/** What a threshold of pairing leaves: share of all pairs, profiles that have a partner, and how alike partners are. */
export function sweepPairing(
  profiles: readonly Profile[],
  clusters: readonly number[],
  vectors: TextVectors,
  thresholds: readonly number[],
) {
  const all = (profiles.length * (profiles.length - 1)) / 2;
  return thresholds.map((threshold) => {
    const pairs = pairProfiles(profiles, clusters, threshold);
    const paired = new Set(pairs.flatMap(({ first, second }) => [first, second]));
    const alike = pairs.map(({ first, second }) => {
      const cosines = profiles[first]!.flatMap((a) => profiles[second]!.map((b) => vectors.cosine(a, b)));
      return cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
    });
    return {
      threshold,
      pairs: pairs.length,
      "share of pairs": all === 0 ? 0 : pairs.length / all,
      "profiles with a partner": paired.size,
      "coherence (mean cosine)": alike.length === 0 ? null : alike.reduce((a, b) => a + b, 0) / alike.length,
    };
  });
}

/** Pairs to talk, such that no profile is in more of them than it must: the most alike first. */
export function choosePairs(pairs: readonly ProfilePair[], count: number): ProfilePair[] {
  const used = new Map<number, number>();
  const chosen: ProfilePair[] = [];
  for (let most = 1; chosen.length < Math.min(count, pairs.length); most++)
    for (const pair of pairs) {
      if (chosen.length === count) break;
      const times = ({ first, second }: ProfilePair) => Math.max(used.get(first) ?? 0, used.get(second) ?? 0);
      if (chosen.includes(pair) || times(pair) >= most) continue;
      chosen.push(pair);
      for (const one of [pair.first, pair.second]) used.set(one, (used.get(one) ?? 0) + 1);
    }
  return chosen;
}
