import type { Alarm } from "./alarm";
import { allCut } from "./all-cut";
import { equalRewards } from "./equal-rewards";
import { explodingKl } from "./exploding-kl";
import { negativeKl } from "./negative-kl";
import { noEnd } from "./no-end";
import { paidByLength } from "./paid-by-length";

/** What may go wrong where a policy learns from what it does, by the metrics of rollouts. */
export const rolloutAlarms: readonly Alarm[] = [
  equalRewards,
  allCut,
  noEnd,
  negativeKl,
  explodingKl,
  paidByLength,
];
