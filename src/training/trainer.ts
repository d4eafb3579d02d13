import { join } from "node:path";
import { z } from "zod";
import { checkGradients, type CompileOptions } from "../engine";
import { readJson, sha256, writeJson } from "../io";
import { readSafetensors, writeSafetensors } from "../tensors";
import { adamW, clipFactor, globalNorm } from "./adamw";
import { CheckpointStore, type FoundCheckpoint } from "./checkpoints";
import { validationLoss } from "./evaluate";
import { type StepLog, TrainingLog } from "./log";
import { checkTrainingOptions, type TrainingOptions } from "./options";
import { TrainingPrograms } from "./programs";
import { learningRateAt } from "./schedule";
import { type BatchTensors, type ParameterMap, type TrainingTask, zerosLike } from "./task";
import { eventLoopTurn } from "./turn";

const OPTIMIZER_FILE = "optimizer.safetensors";
const STATE_FILE = "trainer_state.json";

/** A checkpoint was saved, taken up or passed over, or the best parameters were taken at the end. */
export type TrainingEvent = "saved" | "resumed" | "refused" | "best";

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

/** A loss or gradient that is no finite number. The step was not applied. */
export class TrainingDiverged extends Error {
  constructor(
    readonly step: number,
    readonly batchFile: string,
    what: string,
    /** The first operation whose result is not finite, where it could be found. */
    readonly where: string | undefined,
  ) {
    super(
      `step ${step}: ${what}${where === undefined ? "" : ` (${where})`}. The parameters are as before the step; its batch is in ${batchFile}. ` +
        "A lower learning rate, a longer warm-up or a lower maxGradNorm usually helps.",
    );
  }
}

const stateSchema = z.object({
  step: z.number().int().nonnegative(),
  best: z.object({ step: z.number(), loss: z.number() }).optional(),
  evaluationsSinceBest: z.number().int(),
});

/**
 * Trains the parameters of `task`, in place, from the newest usable checkpoint in the output directory if there is one.
 *
 * A run is a function of its task, options and seed: data order and dropout are drawn from the seed and the step
 * number, so a run that was stopped and resumed takes the same steps, bit for bit, as one that was not.
 *
 * @throws {EngineError} if `hooks.engine` cannot be had here, or computes gradients wrongly
 * @throws {TrainingDiverged} if a loss or gradient is no finite number
 */
export async function train(
  task: TrainingTask,
  options: TrainingOptions,
  hooks: TrainingHooks = {},
): Promise<TrainingResult> {
  checkTrainingOptions(options);
  await checkGradients(hooks.engine ?? {});
  const run = new Run(task, options, hooks);
  try {
    return await run.train();
  } finally {
    await run.programs.dispose();
  }
}

class Run {
  readonly programs: TrainingPrograms;
  private readonly maxSteps: number;
  private readonly batchesPerEpoch: number;
  private readonly checkpoints: CheckpointStore;
  private readonly gradients: ParameterMap;
  /** Receives the gradients of further batches of a step; made only where there are any. */
  private readonly furtherGradients: ParameterMap | undefined;
  private readonly moments: { first: ParameterMap; second: ParameterMap };
  private epochOrder: { epoch: number; batches: number[][] } | undefined;
  private step = 0;
  private best: Best | undefined;
  private evaluationsSinceBest = 0;

  constructor(
    private readonly task: TrainingTask,
    private readonly options: TrainingOptions,
    private readonly hooks: TrainingHooks,
  ) {
    const { batchSize, maxSteps, epochs, gradientAccumulationSteps } = options;
    if (task.trainSize === 0) throw new Error("there are no training examples");
    this.batchesPerEpoch = Math.ceil(task.trainSize / batchSize);
    this.maxSteps = maxSteps || Math.ceil((epochs * this.batchesPerEpoch) / gradientAccumulationSteps);
    this.checkpoints = new CheckpointStore(options.outputDirectory, {
      keep: options.saveTotalLimit,
      fingerprint: fingerprint(task, options, this.maxSteps),
    });
    this.gradients = zerosLike(task.trained);
    this.furtherGradients = gradientAccumulationSteps > 1 ? zerosLike(task.trained) : undefined;
    this.moments = { first: zerosLike(task.trained), second: zerosLike(task.trained) };
    this.programs = new TrainingPrograms(task, hooks.engine ?? {});
  }

  async train(): Promise<TrainingResult> {
    const { evalSteps, saveSteps, earlyStoppingPatience, loadBestModelAtEnd } = this.options;
    const found = this.checkpoints.latest((message) => this.say(message, "refused"));
    if (found) this.restore(found);
    const log = new TrainingLog(join(this.options.outputDirectory, "training_log.jsonl"), this.step);
    let saved = this.step;
    let stopped: TrainingResult["stopped"] = "finished";
    while (this.step < this.maxSteps) {
      const row = await this.trainStep();
      const isLast = this.step === this.maxSteps;
      const evaluated = evalSteps > 0 && (this.step % evalSteps === 0 || isLast);
      const evalLoss = evaluated ? await this.evaluate() : undefined;
      log.append(evalLoss === undefined ? row : { ...row, evalLoss });
      this.hooks.onStep?.(log.rows.at(-1)!, this.maxSteps);
      const isBest = evaluated && this.best?.step === this.step;
      if ((saveSteps > 0 && this.step % saveSteps === 0) || (isBest && loadBestModelAtEnd)) {
        this.save();
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
    if (saved !== this.step) this.save();
    if (stopped !== "interrupted" && loadBestModelAtEnd && this.best) this.loadBest(this.best);
    return { stopped, step: this.step, log: log.rows, best: this.best };
  }

  /** One optimizer step over `gradientAccumulationSteps` batches. */
  private async trainStep(): Promise<StepLog> {
    const { gradientAccumulationSteps, batchSize, seed, maxGradNorm } = this.options;
    const started = performance.now();
    const sums = { loss: 0, labels: 0, tokens: 0 };
    const batches: BatchTensors[] = [];
    for (let part = 0; part < gradientAccumulationSteps; part++) {
      const position = this.step * gradientAccumulationSteps + part;
      const batch = this.task.trainBatch(this.batchAt(position), batchSize);
      batches.push(batch);
      const into = part === 0 ? this.gradients : this.furtherGradients!;
      sums.loss += await this.programs.gradients(batch, { seed, step: position }, into);
      if (part > 0) addTo(this.gradients, into);
      sums.labels += this.task.labels(batch);
      sums.tokens += this.task.tokens(batch);
      await eventLoopTurn();
    }
    const perLabel = 1 / Math.max(1, sums.labels);
    const loss = sums.loss * perLabel;
    const gradNorm = globalNorm(this.gradients) * perLabel;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      await this.diverged(batches, { loss, gradNorm });
    const learningRate = learningRateAt(this.step, { ...this.options, maxSteps: this.maxSteps });
    const gradientScale = perLabel * clipFactor(gradNorm, maxGradNorm);
    const step = { step: this.step + 1, learningRate, gradientScale };
    adamW(this.task.trained, this.gradients, this.moments, step, this.options);
    this.step++;
    const seconds = (performance.now() - started) / 1000;
    return {
      step: this.step,
      epoch: (this.step * gradientAccumulationSteps) / this.batchesPerEpoch,
      loss,
      learningRate,
      gradNorm,
      tokensPerSecond: sums.tokens / seconds,
      seconds,
    };
  }

  private batchAt(position: number): number[] {
    const epoch = Math.floor(position / this.batchesPerEpoch);
    if (this.epochOrder?.epoch !== epoch) {
      const { batchSize, seed } = this.options;
      this.epochOrder = { epoch, batches: this.task.epochBatches(epoch, batchSize, seed) };
    }
    return this.epochOrder.batches[position % this.batchesPerEpoch]!;
  }

  private async evaluate(): Promise<number> {
    const loss = await validationLoss(this.task, this.options.batchSize, this.programs);
    const improved = this.best === undefined || loss < this.best.loss;
    if (improved) this.best = { step: this.step, loss };
    this.evaluationsSinceBest = improved ? 0 : this.evaluationsSinceBest + 1;
    return loss;
  }

  private save(): void {
    const write = (directory: string) => {
      this.task.write(directory);
      const moments = [
        ...[...this.moments.first].map(([name, tensor]) => [`first.${name}`, tensor] as const),
        ...[...this.moments.second].map(([name, tensor]) => [`second.${name}`, tensor] as const),
      ];
      writeSafetensors(join(directory, OPTIMIZER_FILE), new Map(moments));
      const { step, best, evaluationsSinceBest } = this;
      writeJson(join(directory, STATE_FILE), { step, best, evaluationsSinceBest });
    };
    const protectedStep = this.options.loadBestModelAtEnd ? this.best?.step : undefined;
    const { directory } = this.checkpoints.save(this.step, write, protectedStep);
    this.say(`saved ${directory}`, "saved");
  }

  private restore({ directory, step }: FoundCheckpoint): void {
    this.task.read(directory);
    const path = join(directory, OPTIMIZER_FILE);
    const { tensors } = readSafetensors(path);
    for (const [prefix, moments] of Object.entries(this.moments)) {
      for (const [name, { data }] of moments) {
        const stored = tensors.get(`${prefix}.${name}`);
        if (stored?.dtype !== "float32" || stored.data.length !== data.length) {
          throw new Error(`${path}: tensor ${prefix}.${name} is missing or has another shape`);
        }
        data.set(stored.data as Float32Array);
      }
    }
    const state = stateSchema.parse(readJson(join(directory, STATE_FILE)));
    this.step = step;
    this.best = state.best;
    this.evaluationsSinceBest = state.evaluationsSinceBest;
    this.say(`resumed from ${directory}`, "resumed");
  }

  private loadBest(best: Best): void {
    const directory = join(this.options.outputDirectory, `checkpoint-${best.step}`);
    this.task.read(directory);
    this.say(
      `took the parameters of step ${best.step}, the lowest evaluation loss (${best.loss.toFixed(4)})`,
      "best",
    );
  }

  private async diverged(
    batches: BatchTensors[],
    measured: { loss: number; gradNorm: number },
  ): Promise<never> {
    const path = join(this.options.outputDirectory, `diverged-step-${this.step + 1}.json`);
    const plain = batches.map((batch) =>
      Object.fromEntries(
        Object.entries(batch).map(([name, { shape, data }]) => [
          name,
          { shape, data: Array.from(data, Number) },
        ]),
      ),
    );
    const [what, value] = Number.isFinite(measured.loss)
      ? ["gradient norm", measured.gradNorm]
      : ["loss", measured.loss];
    const where = await this.firstNonFinite(batches);
    writeJson(path, { step: this.step + 1, what, value: String(value), where, batches: plain });
    throw new TrainingDiverged(this.step + 1, path, `the ${what} is ${value}`, where);
  }

  /** Where a step's numbers stop being finite, if its batches show it when they are computed once more. */
  private async firstNonFinite(batches: BatchTensors[]): Promise<string | undefined> {
    const { seed, gradientAccumulationSteps } = this.options;
    for (const [part, batch] of batches.entries()) {
      const noise = { seed, step: this.step * gradientAccumulationSteps + part };
      const where = await this.programs.firstNonFinite(batch, noise);
      if (where !== undefined) return where;
    }
    return undefined;
  }

  private readonly say = (message: string, event: TrainingEvent): void =>
    this.hooks.onMessage?.(message, event);
}

/**
 * What makes two runs the same: everything that decides their steps, and nothing that only decides what is kept of them. Not
 * the engine: a run may go on on another one, whose steps differ by rounding.
 */
function fingerprint(task: TrainingTask, options: TrainingOptions, maxSteps: number): string {
  const { batchSize, gradientAccumulationSteps, learningRate, schedule, warmupSteps, seed } = options;
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = options;
  return sha256(
    JSON.stringify({
      task: task.fingerprint,
      data: { batchSize, gradientAccumulationSteps, seed },
      optimizer: { beta1, beta2, epsilon, weightDecay, maxGradNorm, learningRate, schedule, warmupSteps },
      decayed: weightDecay === 0 ? [] : [...task.trained.keys()].filter((name) => options.decays(name)),
      // A constant rate can be trained on for longer; a linear one depends on where it ends.
      ...(schedule === "linear" ? { maxSteps } : {}),
    }),
  );
}

function addTo(sum: ParameterMap, more: ParameterMap): void {
  for (const [name, { data }] of sum) {
    const other = more.get(name)!.data;
    for (let i = 0; i < data.length; i++) data[i]! += other[i]!;
  }
}
