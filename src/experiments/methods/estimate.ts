import { formatDuration } from "../../display";
import type { Model } from "../../models";
import type { StepLog } from "../../training";
import type { MethodRun } from "./method";

/** What a run will take, as far as it can be told before it begins. */
export interface Estimate {
  /** Parameters that are trained, and all of the model with them. */
  readonly trained: number;
  readonly parameters: number;
  /** The most memory of the process, in bytes. */
  readonly peakBytes: number;
  /** The same for a reader. */
  readonly sentences: readonly string[];
}

/** Gradient, first and second moment of every parameter that is trained; the parameter itself is there already. */
const COPIES_BESIDE = 3;

/**
 * Estimates a run: the process as it is now, with model and data, and what a step adds. The time is told by the first steps, not
 * here.
 */
export function estimateRun(
  { policy, stepBytes, steps }: MethodRun,
  model: Pick<Model, "architecture" | "config">,
): Estimate {
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  const sum = (shapes: readonly (readonly number[])[]) =>
    shapes.reduce((total, shape) => total + size(shape), 0);
  const trained = sum([...policy.trained.values()].map(({ shape }) => shape));
  const parameters = sum(Object.values(model.architecture.parameterShapes(model.config)));
  const peakBytes = process.memoryUsage.rss() + COPIES_BESIDE * 4 * trained + stepBytes();
  return {
    trained,
    parameters,
    peakBytes,
    sentences: [
      `trains ${trained.toLocaleString("en")} parameters over a model of ${parameters.toLocaleString("en")}, in ${steps} step${steps === 1 ? "" : "s"}`,
      `estimated: ${gibibytes(peakBytes)} of memory at most; how long it takes follows from the first two steps`,
    ],
  };
}

/** The memory that the process took beside what was estimated, in a sentence. */
export function measuredPeak({ peakBytes }: Estimate): string {
  const taken = process.resourceUsage().maxRSS * 1024;
  return `${gibibytes(taken)} of memory at most (estimated: ${gibibytes(peakBytes)})`;
}

/** Tells, of the steps of this process as they come, how long all will take. */
export class TimeEstimate {
  private first: number | undefined;
  /** Seconds of this process's steps, as they were expected after the second one. */
  expected: number | undefined;

  /** What to say after a step: something after the second one. */
  after({ step, seconds }: Pick<StepLog, "step" | "seconds">, steps: number): string | undefined {
    if (this.first === undefined) {
      this.first = seconds;
      return undefined;
    }
    if (this.expected !== undefined) return undefined;
    this.expected = this.first + seconds * (steps - step + 1);
    return `estimated: ${formatDuration(seconds * (steps - step))} for the ${steps - step} steps left, by the second one`;
  }
}

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
