import { join } from "node:path";
import { z } from "zod";
import { checkGradients, type CompileOptions } from "../engine";
import { readJson, sha256, writeJson } from "../io";
import { AlarmWatch } from "./alarms/alarm";
import { CheckpointStore, type FoundCheckpoint } from "./checkpoints";
import { validationMeans } from "./evaluate";
import { type StepLog, TrainingLog } from "./log";
import { checkTrainingOptions, optimizerFingerprint, type TrainingOptions } from "./options";
import { learningRateAt } from "./schedule";
import { alarmsOf, specFingerprint, type TrainingSpec } from "./spec";
import { Stepper } from "./step";

const STATE_FILE = "trainer_state.json";

/** A checkpoint was saved, taken up or passed over, the best parameters were taken at the end, or an alarm went off. */
export type TrainingEvent = "saved" | "resumed" | "refused" | "best" | "alarm";

/** Where a run reports to, and what may end it. */
export interface TrainingHooks {
  /** After every step. */
  readonly onStep?: (log: StepLog, maxSteps: number) => void;
  /** Events in words. */
  readonly onMessage?: (message: string, event: TrainingEvent) => void;
  /** Ends the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Which engine computes; see `compile`. */
  readonly engine?: CompileOptions;
}

export interface TrainingResult {
  readonly stopped: "finished" | "early stopping" | "interrupted";
  /** Optimizer steps done, those of an earlier process included. */
  readonly step: number;
  readonly log: readonly StepLog[];
  /** The lowest evaluation loss and its step. */
  readonly best: Best | undefined;
}

interface Best {
  readonly step: number;
  readonly loss: number;
}

const stateSchema = z.object({
  step: z.number().int().nonnegative(),
  best: z.object({ step: z.number(), loss: z.number() }).optional(),
  evaluationsSinceBest: z.number().int(),
  numTokens: z.number().int().default(0),
});

/**
 * Trains a policy, in place, from the newest usable checkpoint in the output directory if there is one.
 *
 * A run is a function of its spec, options and seed: data order and dropout are drawn from the seed and the step
 * number, so a run that was stopped and resumed takes the same steps, bit for bit, as one that was not.
 *
 * @throws {EngineError} if `hooks.engine` cannot be had here, or computes gradients wrongly
 * @throws {TrainingDiverged} if a loss or gradient is no finite number
 */
export async function train(
  spec: TrainingSpec,
  options: TrainingOptions,
  hooks: TrainingHooks = {},
): Promise<TrainingResult> {
  checkTrainingOptions(options);
  await checkGradients(hooks.engine ?? {});
  const run = new Run(spec, options, hooks);
  try {
    return await run.train();
  } finally {
    await run.stepper.dispose();
  }
}

class Run {
  readonly stepper: Stepper;
  private readonly maxSteps: number;
  private readonly batchesPerEpoch: number;
  private readonly checkpoints: CheckpointStore;
  private epochOrder: { epoch: number; batches: number[][] } | undefined;
  private step = 0;
  private best: Best | undefined;
  private evaluationsSinceBest = 0;
  private numTokens = 0;

  constructor(
    private readonly spec: TrainingSpec,
    private readonly options: TrainingOptions,
    private readonly hooks: TrainingHooks,
  ) {
    const { batchSize, maxSteps, epochs, gradientAccumulationSteps } = options;
    const { policy, objective, data } = spec;
    if (data.size === 0) throw new Error("there are no training examples");
    this.batchesPerEpoch = Math.ceil(data.size / batchSize);
    this.maxSteps = maxSteps || Math.ceil((epochs * this.batchesPerEpoch) / gradientAccumulationSteps);
    this.checkpoints = new CheckpointStore(options.outputDirectory, {
      keep: options.saveTotalLimit,
      fingerprint: fingerprint(spec, options, this.maxSteps),
    });
    this.stepper = new Stepper(policy, objective, options, hooks.engine);
  }

  async train(): Promise<TrainingResult> {
    const { evalSteps, saveSteps, earlyStoppingPatience, loadBestModelAtEnd } = this.options;
    const found = this.checkpoints.latest((message) => this.say(message, "refused"));
    if (found) await this.restore(found);
    const log = new TrainingLog(join(this.options.outputDirectory, "training_log.jsonl"), this.step);
    const alarms = new AlarmWatch(alarmsOf(this.spec), (message) => this.say(message, "alarm"));
    let saved = this.step;
    let stopped: TrainingResult["stopped"] = "finished";
    while (this.step < this.maxSteps) {
      const row = await this.trainStep();
      const isLast = this.step === this.maxSteps;
      const evaluated = evalSteps > 0 && (this.step % evalSteps === 0 || isLast);
      log.append(evaluated ? { ...row, ...(await this.evaluate()) } : row);
      this.hooks.onStep?.(log.rows.at(-1)!, this.maxSteps);
      alarms.check(log.rows);
      const isBest = evaluated && this.best?.step === this.step;
      if ((saveSteps > 0 && this.step % saveSteps === 0) || (isBest && loadBestModelAtEnd)) {
        await this.save();
        saved = this.step;
      }
      if (this.hooks.signal?.aborted) {
        stopped = "interrupted";
        break;
      }
      if (earlyStoppingPatience > 0 && this.evaluationsSinceBest >= earlyStoppingPatience) {
        stopped = "early stopping";
        break;
      }
    }
    if (saved !== this.step) await this.save();
    await this.stepper.settle();
    if (stopped !== "interrupted" && loadBestModelAtEnd && this.best) this.loadBest(this.best);
    return { stopped, step: this.step, log: log.rows, best: this.best };
  }

  /** One optimizer step over `gradientAccumulationSteps` batches. */
  private async trainStep(): Promise<StepLog> {
    const { gradientAccumulationSteps, batchSize } = this.options;
    const { data } = this.spec;
    const started = performance.now();
    const batches = Array.from({ length: gradientAccumulationSteps }, (_, part) =>
      data.batch(this.batchAt(this.step * gradientAccumulationSteps + part), batchSize),
    );
    const learningRate = learningRateAt(this.step, { ...this.options, maxSteps: this.maxSteps });
    const { loss, gradNorm, metrics } = await this.stepper.take(this.step, batches, learningRate);
    this.step++;
    const seconds = (performance.now() - started) / 1000;
    const tokens = batches.reduce((sum, batch) => sum + data.tokens(batch), 0);
    this.numTokens += tokens;
    return {
      step: this.step,
      epoch: (this.step * gradientAccumulationSteps) / this.batchesPerEpoch,
      loss,
      learningRate,
      gradNorm,
      tokensPerSecond: tokens / seconds,
      numTokens: this.numTokens,
      seconds,
      ...(Object.keys(metrics).length > 0 && { metrics }),
    };
  }

  private batchAt(position: number): number[] {
    const epoch = Math.floor(position / this.batchesPerEpoch);
    if (this.epochOrder?.epoch !== epoch) {
      const { batchSize, seed } = this.options;
      this.epochOrder = { epoch, batches: this.spec.data.epochBatches(epoch, batchSize, seed) };
    }
    return this.epochOrder.batches[position % this.batchesPerEpoch]!;
  }

  private async evaluate(): Promise<Pick<StepLog, "evalLoss" | "evalMetrics">> {
    await this.stepper.settle();
    const { loss, metrics } = await validationMeans(
      this.spec.data,
      this.options.batchSize,
      this.stepper.programs,
    );
    const improved = this.best === undefined || loss < this.best.loss;
    if (improved) this.best = { step: this.step, loss };
    this.evaluationsSinceBest = improved ? 0 : this.evaluationsSinceBest + 1;
    return { evalLoss: loss, ...(Object.keys(metrics).length > 0 && { evalMetrics: metrics }) };
  }

  private async save(): Promise<void> {
    await this.stepper.settle();
    const write = (directory: string) => {
      this.stepper.write(directory);
      const { step, best, evaluationsSinceBest, numTokens } = this;
      writeJson(join(directory, STATE_FILE), { step, best, evaluationsSinceBest, numTokens });
    };
    const protectedStep = this.options.loadBestModelAtEnd ? this.best?.step : undefined;
    const { directory } = this.checkpoints.save(this.step, write, protectedStep);
    this.say(`saved ${directory}`, "saved");
  }

  private async restore({ directory, step }: FoundCheckpoint): Promise<void> {
    await this.stepper.read(directory);
    const state = stateSchema.parse(readJson(join(directory, STATE_FILE)));
    this.step = step;
    this.best = state.best;
    this.evaluationsSinceBest = state.evaluationsSinceBest;
    this.numTokens = state.numTokens;
    this.say(`resumed from ${directory}`, "resumed");
  }

  private loadBest(best: Best): void {
    const directory = join(this.options.outputDirectory, `checkpoint-${best.step}`);
    this.spec.policy.read(directory);
    this.say(
      `took the parameters of step ${best.step}, the lowest evaluation loss (${best.loss.toFixed(4)})`,
      "best",
    );
  }

  private readonly say = (message: string, event: TrainingEvent): void =>
    this.hooks.onMessage?.(message, event);
}

/**
 * What makes two runs the same: everything that decides their steps, and nothing that only decides what is kept of them. Not
 * the device: a run may go on on another one, whose steps differ by rounding, and on WebGPU by the masks of its dropout.
 */
function fingerprint(spec: TrainingSpec, options: TrainingOptions, maxSteps: number): string {
  const { batchSize, gradientAccumulationSteps, schedule } = options;
  return sha256(
    JSON.stringify({
      spec: specFingerprint(spec),
      batches: { batchSize, gradientAccumulationSteps },
      optimizer: optimizerFingerprint(options, [...spec.policy.trained.keys()]),
      // A constant rate can be trained on for longer; a linear one depends on where it ends.
      ...(schedule === "linear" ? { maxSteps } : {}),
    }),
  );
}
