import { quantileSorted } from "simple-statistics";
import { Random } from "../random";
import { type BootstrapOptions, type Interval, requireResamples } from "./resampling";

/** Scores that belong together, of a dialogue say: of what is right, and of what is wrong. */
export interface RightAndWrong {
  readonly right: readonly number[];
  readonly wrong: readonly number[];
}

/**
 * The area under the ROC curve: the share of pairs of a right and a wrong one in which the right one scores higher, ties as a
 * half (Mann and Whitney's U over its greatest value). 0.5 is blind.
 *
 *     AUC = 1/(n m) Σ over right i, wrong j of [s_i > s_j] + ½ [s_i = s_j]
 *
 * with a percentile bootstrap interval: as many groups as there are, drawn with replacement, all scores of a group together, since
 * those of one dialogue are not independent. −∞ and ∞ are scores like any others. Same seed, same interval.
 *
 * @throws {RangeError} if nothing is right or nothing is wrong, or a score is NaN
 */
export function areaUnderCurve(
  groups: readonly RightAndWrong[],
  { resamples = 2000, confidence = 0.95, seed = 13 }: BootstrapOptions = {},
): Interval {
  requireResamples(resamples);
  const scores = groups.flatMap(({ right, wrong }, group) => [
    ...right.map((score) => ({ score, group, isRight: true })),
    ...wrong.map((score) => ({ score, group, isRight: false })),
  ]);
  if (scores.some(({ score }) => Number.isNaN(score))) throw new RangeError("a score is NaN");
  if (!scores.some(({ isRight }) => isRight) || scores.every(({ isRight }) => isRight))
    throw new RangeError("an AUC needs a right and a wrong one at least");
  scores.sort((a, b) => (a.score === b.score ? 0 : a.score - b.score));

  /** The area where each group counts so many times; undefined where nothing is right or nothing is wrong. */
  const area = (times: ArrayLike<number>): number | undefined => {
    let [won, right, wrong] = [0, 0, 0];
    for (let i = 0; i < scores.length;) {
      const { score } = scores[i]!;
      let [tiedRight, tiedWrong] = [0, 0];
      for (; i < scores.length && scores[i]!.score === score; i++) {
        const count = times[scores[i]!.group]!;
        if (scores[i]!.isRight) tiedRight += count;
        else tiedWrong += count;
      }
      won += tiedRight * (wrong + tiedWrong / 2);
      right += tiedRight;
      wrong += tiedWrong;
    }
    return right * wrong === 0 ? undefined : won / (right * wrong);
  };

  const random = new Random(seed);
  const values: number[] = [];
  const times = new Float64Array(groups.length);
  while (values.length < resamples) {
    times.fill(0);
    for (let draw = 0; draw < groups.length; draw++) times[random.integer(groups.length)]!++;
    const value = area(times);
    if (value !== undefined) values.push(value);
  }
  values.sort((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  return {
    value: area(times.fill(1))!,
    low: quantileSorted(values, tail),
    high: quantileSorted(values, 1 - tail),
  };
}
