import type { InferenceScorer } from "../judges";
import { Random } from "../random";
import { exclusion } from "./contradicts";
import type { TextVectors } from "./vectors";

/** Attributes of one person, as places in the list of all. */
export type Profile = readonly number[];

/** An attribute that was not added to a profile, and why. */
export interface RejectedMember {
  readonly profile: number;
  readonly attribute: string;
  readonly reason: string;
}

export interface ProfileOptions {
  readonly seed: number;
  readonly count: number;
  /** Attributes of a profile. */
  readonly size: number;
  /** A cosine above which an attribute says what another one says. */
  readonly redundantAbove: number;
  readonly scorer: InferenceScorer;
  /** The strength above which two exclude each other: see `excludesAbove`. */
  readonly excludesAbove: number;
}

/** Attributes that are tried for a profile before it is given up. */
const TRIED = 60;

/**
 * Profiles of attributes drawn at random, those first that fewest profiles have, without redundancy and without contradiction: one is added unless its cosine to one inside is
 * above `redundantAbove`, or it and one inside exclude each other (`exclusion`).
 *
 * @throws {Error} if a profile is not full after 60 attributes
 */
export async function drawProfiles(
  vectors: TextVectors,
  { seed, count, size, redundantAbove, scorer, excludesAbove }: ProfileOptions,
): Promise<{ profiles: readonly Profile[]; rejected: readonly RejectedMember[] }> {
  const { texts } = vectors;
  const profiles: Profile[] = [];
  const rejected: RejectedMember[] = [];
  const used = texts.map(() => 0);
  for (let number = 0; number < count; number++) {
    const random = new Random(seed).fork(number);
    const inside: number[] = [];
    const order = random.shuffle([...texts.keys()]).sort((a, b) => used[a]! - used[b]!);
    for (const place of order.slice(0, TRIED)) {
      if (inside.length === size) break;
      const reason = await reasonAgainst(place, inside);
      if (reason === undefined) inside.push(place);
      else rejected.push({ profile: number, attribute: texts[place]!, reason });
    }
    if (inside.length < size)
      throw new Error(
        `profile ${number + 1} has ${inside.length} of ${size} attributes after ${Math.min(TRIED, texts.length)} were tried: give more attributes, or larger thresholds`,
      );
    for (const place of inside) used[place]!++;
    profiles.push(inside);
  }
  return { profiles, rejected };

  async function reasonAgainst(place: number, inside: readonly number[]): Promise<string | undefined> {
    for (const other of inside) {
      const cosine = vectors.cosine(place, other);
      if (cosine > redundantAbove) return `redundant with "${texts[other]!}" (cosine ${cosine.toFixed(2)})`;
    }
    const pairs = inside.map((other): [string, string] => [texts[other]!, texts[place]!]);
    const strengths = await exclusion(pairs, scorer);
    const first = strengths.findIndex((strength) => strength > excludesAbove);
    return first < 0 ? undefined : `excludes "${pairs[first]![0]}"`;
  }
}
