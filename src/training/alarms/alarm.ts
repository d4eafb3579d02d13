import type { StepLog } from "../log";

/**
 * Something that goes wrong in a training without ending it: the loss falls, and yet nothing that one wants is learned. An
 * objective or a source of data names those that it knows of, and both loops ask them after every step.
 */
export interface Alarm {
  /** What goes wrong, in a few words; no two alarms of a run share one. */
  readonly name: string;
  /**
   * What the log shows of it, what that means and what to do; undefined while all is well.
   *
   * @param log all steps so far, the last one last; a step without the metrics that the alarm reads says nothing
   */
  check(log: readonly StepLog[]): string | undefined;
}

/** Says what alarms find: each once, and again when it was well in between. */
export class AlarmWatch {
  private readonly raised = new Set<string>();

  constructor(
    private readonly alarms: readonly Alarm[],
    private readonly say: (message: string) => void,
  ) {}

  /** To be called after every step. */
  check(log: readonly StepLog[]): void {
    for (const alarm of this.alarms) {
      const found = alarm.check(log);
      if (found === undefined) this.raised.delete(alarm.name);
      else if (!this.raised.has(alarm.name)) {
        this.raised.add(alarm.name);
        this.say(`${alarm.name}: ${found}`);
      }
    }
  }
}
