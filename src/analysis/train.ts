import { interruptSignal, startProgress } from "../display";
import {
  type ExperimentContext,
  type ExperimentSettings,
  type TrainedExperiment,
  trainExperiment,
} from "../experiments";

/** A run among several: its name for the progress line, and its settings. */
export interface PlannedTraining {
  readonly name: string;
  readonly settings: ExperimentSettings;
}

/** {@link trainExperiment} for one plan after the other, with one progress over all steps. A kernel interrupt saves and stops. */
export async function trainAll<P extends PlannedTraining>(
  plans: readonly P[],
  context: ExperimentContext,
): Promise<(P & { result: TrainedExperiment })[]> {
  const steps = plans.reduce((sum, { settings }) => sum + settings.maxSteps, 0);
  const progress = startProgress("Training", steps, { unit: "steps" });
  const trained: (P & { result: TrainedExperiment })[] = [];
  for (const plan of plans) {
    let reported: number | undefined;
    const result = await trainExperiment(plan.settings, {
      ...context,
      hooks: {
        signal: interruptSignal(),
        ...context.hooks,
        onStep: ({ step, loss }) => {
          if (reported === undefined) progress.skip((reported = step - 1));
          progress.advance(step - reported, `${plan.name}: loss ${loss.toFixed(2)}`);
          reported = step;
        },
      },
    });
    progress.skip(plan.settings.maxSteps - (reported ?? 0));
    trained.push({ ...plan, result });
  }
  progress.finish();
  return trained;
}
