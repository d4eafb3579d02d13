import * as tf from "@tensorflow/tfjs";
import {
  CompiledFunction,
  type CompileOptions,
  EngineError,
  type Noise,
  type ProgramTensor,
} from "../engine";
import type { NamedTensors } from "../models";
import type { BatchTensors } from "./data";
import type { Mean, Measured, Objective } from "./objective";
import type { ParameterMap, Policy } from "./policy";

type ByName = Record<string, ProgramTensor>;
const byName = (parameters: ReadonlyMap<string, ProgramTensor>): ByName => Object.fromEntries(parameters);

/** What the loss and its gradients are computed from. */
type LossInputs = { trained: NamedTensors; frozen: NamedTensors; batch: NamedTensors };

/** A mean's sum and count as scalars of a program. */
type MeanTensors = { sum: tf.Tensor; count: tf.Tensor };
type MeasuredTensors = { loss: MeanTensors; metrics: Record<string, MeanTensors> };

/** A mean that batches are added to. */
export interface RunningMean {
  sum: number;
  count: number;
}

/** What an objective measured, in numbers. */
export interface Totals {
  readonly loss: RunningMean;
  readonly metrics: Readonly<Record<string, RunningMean>>;
}

/** The programs of a policy under an objective, compiled when first needed: for each shape of a batch gradients, and the loss alone. */
export class TrainingPrograms {
  private readonly gradientProgram;
  private readonly lossProgram;

  constructor(
    private readonly policy: Policy,
    objective: Objective,
    engine: CompileOptions,
  ) {
    const options = { unchanging: "frozen", ...engine };
    const measure = measureOf(policy, objective);
    this.gradientProgram = new CompiledFunction(
      (inputs: LossInputs) => withGradients(policy, measure, inputs),
      options,
    );
    this.lossProgram = new CompiledFunction(
      ({ trained, frozen, batch }: LossInputs) => tensorsOf(measure({ ...frozen, ...trained }, batch, false)),
      options,
    );
  }

  /** What the objective measures on a training batch; the gradients of the summed loss are written into `into`. */
  async gradients(batch: BatchTensors, noise: Noise, into: ParameterMap): Promise<Totals> {
    const { measured } = await this.gradientProgram.run(this.lossInputs(batch), {
      noise,
      into: { gradients: byName(into) },
    });
    return numbersOf(measured);
  }

  /** What the objective measures on a batch, without dropout. */
  async measure(batch: BatchTensors): Promise<Totals> {
    return numbersOf(await this.lossProgram.run(this.lossInputs(batch)));
  }

  /** The most memory that a step over a batch takes beside its inputs and the gradients, in bytes; nothing is computed. */
  stepBytes(batch: BatchTensors): number {
    return this.gradientProgram.peakBytes(this.lossInputs(batch));
  }

  /** Where on the way to the loss and the gradients of a batch the numbers stop being finite, or undefined. */
  async firstNonFinite(batch: BatchTensors, noise: Noise): Promise<string | undefined> {
    try {
      await this.gradientProgram.assertFinite(this.lossInputs(batch), { noise });
      return undefined;
    } catch (error) {
      if (error instanceof EngineError) return error.message;
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([this.gradientProgram.dispose(), this.lossProgram.dispose()]);
  }

  private lossInputs(batch: BatchTensors) {
    return { trained: byName(this.policy.trained), frozen: byName(this.policy.frozen), batch: { ...batch } };
  }
}

type Measure = (parameters: NamedTensors, batch: NamedTensors, training: boolean) => Measured;

/** What an objective measures of a policy's model. */
export const measureOf =
  (policy: Policy, objective: Objective): Measure =>
  (parameters, batch, training) =>
    objective.measure(policy.model(parameters, training), batch, training);

/** What is measured in training, and the gradients of the summed loss for what is trained. */
export function withGradients(policy: Policy, measure: Measure, { trained, frozen, batch }: LossInputs) {
  const names = [...policy.trained.keys()];
  let measured: MeasuredTensors | undefined;
  const loss = (...values: tf.Tensor[]) => {
    const parameters: Record<string, tf.Tensor> = { ...frozen };
    names.forEach((name, i) => (parameters[name] = values[i]!));
    measured = tensorsOf(measure(parameters, batch, true));
    // Differentiation frees what its function does not return.
    for (const { sum, count } of [measured.loss, ...Object.values(measured.metrics)])
      [sum, count].forEach(tf.keep);
    return measured.loss.sum as tf.Scalar;
  };
  const { grads } = tf.valueAndGrads(loss)(names.map((name) => trained[name]!));
  const gradients: Record<string, tf.Tensor> = Object.fromEntries(names.map((name, i) => [name, grads[i]!]));
  return { measured: measured!, gradients };
}

const meanTensors = ({ sum, count }: Mean): MeanTensors => ({ sum, count });

function tensorsOf({ loss, metrics = {} }: Measured): MeasuredTensors {
  return {
    loss: meanTensors(loss),
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, mean]) => [name, meanTensors(mean)])),
  };
}

/** What a program measured. */
export interface MeasuredNumbers {
  readonly loss: { sum: ProgramTensor; count: ProgramTensor };
  readonly metrics: Readonly<Record<string, { sum: ProgramTensor; count: ProgramTensor }>>;
}

/** What a program measured, in numbers. */
export function numbersOf({ loss, metrics }: MeasuredNumbers): Totals {
  const numbers = ({ sum, count }: MeasuredNumbers["loss"]): RunningMean => ({
    sum: Number(sum.data[0]),
    count: Number(count.data[0]),
  });
  return {
    loss: numbers(loss),
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, mean]) => [name, numbers(mean)])),
  };
}

/** Nothing measured yet. */
export const noTotals = (): Totals => ({ loss: { sum: 0, count: 0 }, metrics: {} });

/** Two measurements put together. */
export function addTotals(a: Totals, b: Totals): Totals {
  const add = (one: RunningMean = { sum: 0, count: 0 }, other: RunningMean = { sum: 0, count: 0 }) => ({
    sum: one.sum + other.sum,
    count: one.count + other.count,
  });
  const names = new Set([...Object.keys(a.metrics), ...Object.keys(b.metrics)]);
  return {
    loss: add(a.loss, b.loss),
    metrics: Object.fromEntries([...names].map((name) => [name, add(a.metrics[name], b.metrics[name])])),
  };
}

/** The means of the metrics, by name; those that nothing was counted for are left out. */
export function metricMeans({ metrics }: Pick<Totals, "metrics">): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics)
      .filter(([, { count }]) => count > 0)
      .map(([name, { sum, count }]) => [name, sum / count]),
  );
}
