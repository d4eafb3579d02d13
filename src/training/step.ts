import { join } from "node:path";
import type { CompileOptions } from "../engine";
import { writeJson } from "../io";
import { readSafetensors, writeSafetensors } from "../tensors";
import { adamW, type AdamWOptions, clipFactor, globalNorm, type Moments } from "./adamw";
import type { BatchTensors } from "./data";
import type { Objective } from "./objective";
import { type ParameterMap, type Policy, zerosLike } from "./policy";
import { addTotals, metricMeans, noTotals, TrainingPrograms } from "./programs";
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
  private readonly gradients: ParameterMap;
  /** Receives the gradients of further batches of a step; made only where there are any. */
  private furtherGradients: ParameterMap | undefined;
  private readonly moments: Moments;

  constructor(
    private readonly policy: Policy,
    objective: Objective,
    private readonly options: StepOptions,
    engine: CompileOptions = {},
  ) {
    this.gradients = zerosLike(policy.trained);
    this.moments = { first: zerosLike(policy.trained), second: zerosLike(policy.trained) };
    this.programs = new TrainingPrograms(policy, objective, engine);
  }

  /**
   * One step over some batches.
   *
   * @param step its number, from 0
   * @throws {TrainingDiverged} if loss or gradient is no finite number
   */
  async take(step: number, batches: readonly BatchTensors[], learningRate: number): Promise<StepResult> {
    const { maxGradNorm } = this.options;
    let totals = noTotals();
    for (const [part, batch] of batches.entries()) {
      const into = part === 0 ? this.gradients : (this.furtherGradients ??= zerosLike(this.policy.trained));
      const noise = this.noise(step, batches.length, part);
      totals = addTotals(totals, await this.programs.gradients(batch, noise, into));
      if (part > 0) addTo(this.gradients, into);
      await eventLoopTurn();
    }
    const perCount = 1 / Math.max(1, totals.loss.count);
    const loss = totals.loss.sum * perCount;
    const gradNorm = globalNorm(this.gradients) * perCount;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      await this.diverged(step, batches, { loss, gradNorm });
    const gradientScale = perCount * clipFactor(gradNorm, maxGradNorm);
    adamW(
      this.policy.trained,
      this.gradients,
      this.moments,
      { step: step + 1, learningRate, gradientScale },
      this.options,
    );
    return { loss, gradNorm, metrics: metricMeans(totals) };
  }

  /** Writes the policy and the optimizer's moments into a checkpoint. */
  write(directory: string): void {
    this.policy.write(directory);
    const moments = Object.entries(this.moments).flatMap(([prefix, map]: [string, ParameterMap]) =>
      [...map].map(([name, tensor]) => [`${prefix}.${name}`, tensor] as const),
    );
    writeSafetensors(join(directory, OPTIMIZER_FILE), new Map(moments));
  }

  /** Reads what {@link write} wrote. */
  read(directory: string): void {
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
    await this.programs.dispose();
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
