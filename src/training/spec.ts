import type { Alarm } from "./alarms/alarm";
import type { BatchSource } from "./data";
import type { Objective } from "./objective";
import type { Policy } from "./policy";

/** A training whose data are there before it begins: what is trained, what is learned, and from what. */
export interface TrainingSpec<P extends Policy = Policy> {
  readonly policy: P;
  readonly objective: Objective;
  readonly data: BatchSource;
}

/** What identifies policy, objective and data. */
export function specFingerprint({ policy, objective, data }: TrainingSpec): unknown {
  return { policy: policy.fingerprint, objective: objective.fingerprint, data: data.fingerprint };
}

/** What may go wrong, by all that a training is made of. */
export const alarmsOf = ({ objective, data }: Pick<TrainingSpec, "objective" | "data">): readonly Alarm[] => [
  ...(objective.alarms ?? []),
  ...(data.alarms ?? []),
];
