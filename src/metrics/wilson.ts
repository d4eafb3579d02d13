import type { Interval } from "./resampling";

/** The 97.5 % quantile of the normal distribution: of an interval of 95 %. */
const Z = 1.959963984540054;

/**
 * A share of cases with Wilson's 95 % interval (1927), which says something of 0 of n as well:
 *
 *     (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n),   p = count / n
 *
 * Cases are taken to be independent of each other.
 *
 * @throws {RangeError} without cases, or if more are counted than there are
 */
export function wilsonInterval(count: number, n: number): Interval {
  if (!(n > 0 && count >= 0 && count <= n)) throw new RangeError(`${count} of ${n} is no share`);
  const value = count / n;
  const middle = value + Z ** 2 / (2 * n);
  const half = Z * Math.sqrt((value * (1 - value)) / n + Z ** 2 / (4 * n ** 2));
  const whole = 1 + Z ** 2 / n;
  return { value, low: Math.max(0, (middle - half) / whole), high: Math.min(1, (middle + half) / whole) };
}
