import * as tf from "@tensorflow/tfjs";
import {
  CompiledFunction,
  type CompileOptions,
  EngineError,
  type Noise,
  type ProgramTensor,
} from "../engine";
import type { BatchTensors, NamedTensors, ParameterMap, TrainingTask } from "./task";

type ByName = Record<string, ProgramTensor>;
const byName = (parameters: ReadonlyMap<string, ProgramTensor>): ByName => Object.fromEntries(parameters);

/** What the loss and its gradients are computed from. */
type LossInputs = { trained: NamedTensors; frozen: NamedTensors; batch: NamedTensors };

/** The programs of a training task, compiled when first needed: for each shape of a batch its gradients, and its loss alone. */
export class TrainingPrograms {
  private readonly gradientProgram;
  private readonly lossProgram;

  constructor(
    private readonly task: TrainingTask,
    engine: CompileOptions,
  ) {
    this.gradientProgram = new CompiledFunction(
      (inputs: LossInputs) => lossAndGradients(task, inputs),
      engine,
    );
    this.lossProgram = new CompiledFunction(
      ({ trained, frozen, batch }: LossInputs) => ({
        loss: task.loss({ ...frozen, ...trained }, batch, false),
      }),
      engine,
    );
  }

  /** The summed loss of a batch; its gradients are written into `into`. */
  async gradients(batch: BatchTensors, noise: Noise, into: ParameterMap): Promise<number> {
    const { loss } = await this.gradientProgram.run(this.lossInputs(batch), {
      noise,
      into: { gradients: byName(into) },
    });
    return Number(loss.data[0]);
  }

  /** The summed loss of a batch, without dropout. */
  async loss(batch: BatchTensors): Promise<number> {
    const { loss } = await this.lossProgram.run(this.lossInputs(batch));
    return Number(loss.data[0]);
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
    return { trained: byName(this.task.trained), frozen: byName(this.task.frozen), batch: { ...batch } };
  }
}

function lossAndGradients(task: TrainingTask, { trained, frozen, batch }: LossInputs) {
  const names = [...task.trained.keys()];
  const loss = (...values: tf.Tensor[]) => {
    const parameters: NamedTensors = { ...frozen };
    names.forEach((name, i) => (parameters[name] = values[i]!));
    return task.loss(parameters, batch, true) as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => trained[name]!));
  const gradients: NamedTensors = Object.fromEntries(names.map((name, i) => [name, grads[i]!]));
  return { loss: value as tf.Tensor, gradients };
}
