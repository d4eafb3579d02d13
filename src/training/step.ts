import { join } from "node:path";
import { type CompileOptions, defaultDevice, isRecorded, keepsTensors } from "../engine";
import { writeJson } from "../io";
import { readSafetensors, writeSafetensors } from "../tensors";
import { adamW, type AdamWOptions, clipFactor, globalNorm, type Moments } from "./adamw";
import type { BatchTensors } from "./data";
import type { Objective } from "./objective";
import { type ParameterMap, type Policy, zerosLike } from "./policy";
import { addTotals, metricMeans, noTotals, TrainingPrograms } from "./programs";
import { ResidentTraining } from "./resident-step";
import { eventLoopTurn } from "./turn";

const OPTIMIZER_FILE = "optimizer.safetensors";

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

export interface StepOptions extends AdamWOptions {
  /** Seeds dropout. */
  readonly seed: number;
  /** Receives the batch of a diverged step. */
  readonly outputDirectory: string;
}

/** What a step did. */
export interface StepResult {
  /** Mean loss over all that the objective counts in the step's batches. */
  readonly loss: number;
  /** Global norm of the mean gradient, before clipping. */
  readonly gradNorm: number;
  /** Means of the objective's metrics over the step's batches, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Takes optimizer steps: gradients of the summed loss are added over a step's batches, divided by all that was counted in them,
 * clipped, and AdamW moves the policy. Dropout is drawn from the seed and the number of the batch, so a step is a function of
 * parameters, moments, batches and its number alone.
 */
export class Stepper {
  readonly programs: TrainingPrograms;
  /** Receives the gradients of a step; made when the first is taken here. */
  private gradients: ParameterMap | undefined;
  /** Receives the gradients of further batches of a step; made only where there are any. */
  private furtherGradients: ParameterMap | undefined;
  private readonly moments: Moments;
  /** Where a device keeps tensors from run to run, what is trained and the moments lie there. */
  private readonly resident: ResidentTraining | undefined;

  constructor(
    private readonly policy: Policy,
    objective: Objective,
    private readonly options: StepOptions,
    engine: CompileOptions = {},
  ) {
    this.moments = { first: zerosLike(policy.trained), second: zerosLike(policy.trained) };
    this.programs = new TrainingPrograms(policy, objective, engine);
    const { device = defaultDevice() } = engine;
    this.resident =
      isRecorded(device) && keepsTensors(device)
        ? new ResidentTraining(policy, objective, this.moments, options, device, engine)
        : undefined;
  }

  /**
   * One step over some batches.
   *
   * @param step its number, from 0
   * @throws {TrainingDiverged} if loss or gradient is no finite number
   */
  async take(step: number, batches: readonly BatchTensors[], learningRate: number): Promise<StepResult> {
    if (this.resident) return this.takeThere(this.resident, step, batches, learningRate);
    const { maxGradNorm } = this.options;
    const gradients = (this.gradients ??= zerosLike(this.policy.trained));
    let totals = noTotals();
    for (const [part, batch] of batches.entries()) {
      const into = part === 0 ? gradients : (this.furtherGradients ??= zerosLike(this.policy.trained));
      const noise = this.noise(step, batches.length, part);
      totals = addTotals(totals, await this.programs.gradients(batch, noise, into));
      if (part > 0) addTo(gradients, into);
      await eventLoopTurn();
    }
    const perCount = 1 / Math.max(1, totals.loss.count);
    const loss = totals.loss.sum * perCount;
    const gradNorm = globalNorm(gradients) * perCount;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      await this.diverged(step, batches, { loss, gradNorm });
    const gradientScale = perCount * clipFactor(gradNorm, maxGradNorm);
    adamW(
      this.policy.trained,
      gradients,
      this.moments,
      { step: step + 1, learningRate, gradientScale },
      this.options,
    );
    return { loss, gradNorm, metrics: metricMeans(totals) };
  }

  /** {@link take} where all that is trained lies on the device. */
  private async takeThere(
    resident: ResidentTraining,
    step: number,
    batches: readonly BatchTensors[],
    learningRate: number,
  ): Promise<StepResult> {
    let totals = noTotals();
    for (const [part, batch] of batches.entries()) {
      const noise = this.noise(step, batches.length, part);
      totals = addTotals(totals, await resident.gradients(batch, noise, part === 0));
      await eventLoopTurn();
    }
    const perCount = 1 / Math.max(1, totals.loss.count);
    const loss = totals.loss.sum * perCount;
    const gradNorm = await resident.update(perCount, step + 1, learningRate, this.options);
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      await this.settle();
      await this.diverged(step, batches, { loss, gradNorm });
    }
    await resident.accept();
    return { loss, gradNorm, metrics: metricMeans(totals) };
  }

  /** Brings the policy's arrays and the moments up to the last step: before they are read, written or asked. */
  async settle(): Promise<void> {
    await this.resident?.settle();
  }

  /** Writes the policy and the optimizer's moments, as they were settled, into a checkpoint. */
  write(directory: string): void {
    this.policy.write(directory);
    const moments = Object.entries(this.moments).flatMap(([prefix, map]: [string, ParameterMap]) =>
      [...map].map(([name, tensor]) => [`${prefix}.${name}`, tensor] as const),
    );
    writeSafetensors(join(directory, OPTIMIZER_FILE), new Map(moments));
  }

  /** Reads what {@link write} wrote. */
  async read(directory: string): Promise<void> {
    await this.resident?.forget();
    this.policy.read(directory);
    const path = join(directory, OPTIMIZER_FILE);
    const { tensors } = readSafetensors(path);
    for (const [prefix, moments] of Object.entries(this.moments) as [string, ParameterMap][]) {
      for (const [name, { data }] of moments) {
        const stored = tensors.get(`${prefix}.${name}`);
        if (stored?.dtype !== "float32" || stored.data.length !== data.length) {
          throw new Error(`${path}: tensor ${prefix}.${name} is missing or has another shape`);
        }
        data.set(stored.data as Float32Array);
      }
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([this.programs.dispose(), this.resident?.dispose()]);
  }

  private noise(step: number, batches: number, part: number) {
    return { seed: this.options.seed, step: step * batches + part };
  }

  private async diverged(
    step: number,
    batches: readonly BatchTensors[],
    measured: { loss: number; gradNorm: number },
  ): Promise<never> {
    const number = step + 1;
    const path = join(this.options.outputDirectory, `diverged-step-${number}.json`);
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
    const where = await this.firstNonFinite(step, batches);
    writeJson(path, { step: number, what, value: String(value), where, batches: plain });
    throw new TrainingDiverged(number, path, `the ${what} is ${value}`, where);
  }

  /** Where a step's numbers stop being finite, if its batches show it when they are computed once more. */
  private async firstNonFinite(step: number, batches: readonly BatchTensors[]): Promise<string | undefined> {
    for (const [part, batch] of batches.entries()) {
      const where = await this.programs.firstNonFinite(batch, this.noise(step, batches.length, part));
      if (where !== undefined) return where;
    }
    return undefined;
  }
}

function addTo(sum: ParameterMap, more: ParameterMap): void {
  for (const [name, { data }] of sum) {
    const other = more.get(name)!.data;
    for (let i = 0; i < data.length; i++) data[i]! += other[i]!;
  }
}
