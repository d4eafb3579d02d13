import { join } from "node:path";
import { z } from "zod";
import { checkGradients } from "../engine";
import { readJson, sha256, writeJson } from "../io";
import { type Alarm, AlarmWatch } from "./alarms/alarm";
import { CheckpointStore } from "./checkpoints";
import type { BatchTensors } from "./data";
import { type StepLog, TrainingLog } from "./log";
import type { Objective } from "./objective";
import { checkTrainingOptions, optimizerFingerprint, type TrainingOptions } from "./options";
import type { Policy } from "./policy";
import { learningRateAt } from "./schedule";
import { Stepper } from "./step";
import type { TrainingHooks } from "./trainer";

/** What a policy did in one iteration, and how it was scored. */
export interface Rollouts {
  /** The batches of each optimizer step of an epoch over the rollouts (from 0); those of one step are accumulated. */
  steps(epoch: number): readonly (readonly BatchTensors[])[];
  /** Logged with every step of the iteration: mean reward, length, … */
  readonly metrics: Readonly<Record<string, number>>;
  /** Real tokens of an epoch, for the log. */
  readonly tokens: number;
}

/** Where data come from that the policy makes itself. */
export interface RolloutSource {
  /**
   * Lets the policy act as it is now, scores what it did and turns it into batches. A function of the policy's parameters, the
   * state and the iteration's number (from 0) alone, so that a run that was cut makes the same ones again.
   */
  collect(iteration: number): Promise<Rollouts>;
  /** What iterations hand on to later ones beside the policy, as JSON holds it; checkpoints keep it. */
  readonly state?: { get(): unknown; set(value: unknown): void };
  /** What identifies prompts, rewards and how rollouts are made. */
  readonly fingerprint: unknown;
  /** What may go wrong with rollouts and rewards. */
  readonly alarms?: readonly Alarm[];
}

/** A training whose data the policy makes while it is trained. */
export interface OnlineSpec<P extends Policy = Policy> {
  readonly policy: P;
  readonly objective: Objective;
  readonly rollouts: RolloutSource;
}

export interface OnlineOptions extends Pick<
  TrainingOptions,
  Exclude<
    keyof TrainingOptions,
    | "maxSteps"
    | "epochs"
    | "batchSize"
    | "gradientAccumulationSteps"
    | "evalSteps"
    | "saveSteps"
    | "earlyStoppingPatience"
    | "loadBestModelAtEnd"
  >
> {
  /** Times that the policy acts. */
  readonly iterations: number;
  /** Passes over the rollouts of an iteration. */
  readonly epochsPerIteration: number;
  /** Optimizer steps of the whole run, which a linear schedule needs; 0 where the schedule does not depend on it. */
  readonly totalSteps: number;
  /** Iterations between checkpoints; 0 saves at the end and when interrupted only. */
  readonly saveIterations: number;
}

export interface OnlineResult {
  readonly stopped: "finished" | "interrupted";
  /** Iterations done, those of an earlier process included. */
  readonly iteration: number;
  readonly log: readonly StepLog[];
}

const STATE_FILE = "online_state.json";
const stateSchema = z.object({
  iteration: z.number().int(),
  step: z.number().int(),
  rollouts: z.unknown().optional(),
});

/**
 * Trains a policy on what it does itself, in place: rollouts → rewards → batches → `epochsPerIteration` passes of optimizer
 * steps, again and again. Checkpoints stand between iterations; a run that was cut goes on from the newest with the very steps
 * that it would have taken. The signal ends it after the iteration in progress.
 *
 * @throws {TrainingDiverged} if a loss or gradient is no finite number
 */
export async function trainOnline(
  { policy, objective, rollouts }: OnlineSpec,
  options: OnlineOptions,
  hooks: TrainingHooks = {},
): Promise<OnlineResult> {
  const { iterations, epochsPerIteration, totalSteps, saveIterations, outputDirectory, saveTotalLimit } =
    options;
  checkOnlineOptions(options);
  const checkpoints = new CheckpointStore(outputDirectory, {
    keep: saveTotalLimit,
    fingerprint: sha256(
      JSON.stringify({
        policy: policy.fingerprint,
        objective: objective.fingerprint,
        rollouts: rollouts.fingerprint,
        optimizer: optimizerFingerprint(options, [...policy.trained.keys()]),
        epochsPerIteration,
        ...(options.schedule === "linear" ? { totalSteps } : {}),
      }),
    ),
  });
  await checkGradients(hooks.engine ?? {});
  const stepper = new Stepper(policy, objective, options, hooks.engine);
  const state = { iteration: 0, step: 0 };
  const say: NonNullable<TrainingHooks["onMessage"]> = (message, event) => hooks.onMessage?.(message, event);
  const save = async () => {
    await stepper.settle();
    const { directory } = checkpoints.save(state.iteration, (folder) => {
      stepper.write(folder);
      writeJson(join(folder, STATE_FILE), { ...state, rollouts: rollouts.state?.get() });
    });
    say(`saved ${directory}`, "saved");
  };
  try {
    const found = checkpoints.latest((message) => say(message, "refused"));
    if (found) {
      await stepper.read(found.directory);
      const stored = stateSchema.parse(readJson(join(found.directory, STATE_FILE)));
      [state.iteration, state.step] = [stored.iteration, stored.step];
      rollouts.state?.set(stored.rollouts);
      say(`resumed from ${found.directory}`, "resumed");
    }
    const log = new TrainingLog(join(outputDirectory, "training_log.jsonl"), state.step);
    const watched = [...(objective.alarms ?? []), ...(rollouts.alarms ?? [])];
    const alarms = new AlarmWatch(watched, (message) => say(message, "alarm"));
    let saved = state.iteration;
    while (state.iteration < iterations && !hooks.signal?.aborted) {
      const began = performance.now();
      await stepper.settle();
      const collected = await rollouts.collect(state.iteration);
      const collecting = (performance.now() - began) / 1000;
      const { metrics, tokens } = collected;
      for (let epoch = 0; epoch < epochsPerIteration; epoch++) {
        const steps = collected.steps(epoch);
        for (const [i, batches] of steps.entries()) {
          const started = performance.now();
          const learningRate = learningRateAt(state.step, { ...options, maxSteps: totalSteps });
          const taken = await stepper.take(state.step++, batches, learningRate);
          const share = collecting / (epochsPerIteration * steps.length);
          const seconds = share + (performance.now() - started) / 1000;
          log.append({
            step: state.step,
            epoch: state.iteration + (epoch + (i + 1) / steps.length) / epochsPerIteration,
            loss: taken.loss,
            learningRate,
            gradNorm: taken.gradNorm,
            tokensPerSecond: tokens / steps.length / seconds,
            seconds,
            metrics: { ...metrics, ...taken.metrics },
          });
          hooks.onStep?.(log.rows.at(-1)!, iterations * epochsPerIteration * steps.length);
          alarms.check(log.rows);
        }
      }
      state.iteration++;
      if (saveIterations > 0 && state.iteration % saveIterations === 0) {
        await save();
        saved = state.iteration;
      }
    }
    if (saved !== state.iteration) await save();
    await stepper.settle();
    const stopped = state.iteration < iterations ? "interrupted" : "finished";
    return { stopped, iteration: state.iteration, log: log.rows };
  } finally {
    await stepper.dispose();
  }
}

function checkOnlineOptions(options: OnlineOptions): void {
  for (const name of ["iterations", "epochsPerIteration"] as const) {
    if (!(Number.isInteger(options[name]) && options[name] >= 1))
      throw new RangeError(`training option ${name} must be a whole number from 1, not ${options[name]}`);
  }
  for (const name of ["totalSteps", "saveIterations"] as const) {
    if (!(Number.isInteger(options[name]) && options[name] >= 0))
      throw new RangeError(`training option ${name} must be a whole number from 0, not ${options[name]}`);
  }
  if (options.schedule === "linear" && options.totalSteps === 0)
    throw new RangeError("a linear schedule needs totalSteps, the optimizer steps of the whole run");
  checkTrainingOptions({
    ...options,
    maxSteps: 1,
    epochs: 0,
    batchSize: 1,
    gradientAccumulationSteps: 1,
    evalSteps: 0,
    saveSteps: 0,
    earlyStoppingPatience: 0,
    loadBestModelAtEnd: false,
  });
}
