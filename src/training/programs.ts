import * as tf from "@tensorflow/tfjs";
import {
  CompiledFunction,
  type CompileOptions,
  EngineError,
  type Noise,
  type ProgramTensor,
} from "../engine";
import { float32Tensor } from "../models/safetensors";
import {
  adamW,
  type AdamWOptions,
  type AdamWStep,
  globalNorm,
  type Moments,
  type NamedTensors,
} from "./adamw";
import type { BatchTensors, ParameterMap, TrainingTask } from "./task";

const scalar = (value: number) => float32Tensor([], Float32Array.of(value));

type ByName = Record<string, ProgramTensor>;
const byName = (parameters: ReadonlyMap<string, ProgramTensor>): ByName => Object.fromEntries(parameters);

/** What the loss and its gradients are computed from. */
type LossInputs = { trained: NamedTensors; frozen: NamedTensors; batch: NamedTensors };

/** What the update is computed from. */
type UpdateInputs = {
  parameters: NamedTensors;
  gradients: NamedTensors;
  moments: Moments;
  step: { [Scalar in keyof AdamWStep]: tf.Tensor };
};

/** The programs of a training step, compiled when first needed: gradients and loss per batch shape, norm, update. */
export class TrainingPrograms {
  private readonly gradientProgram;
  private readonly lossProgram;
  private readonly normProgram;
  private readonly updateProgram;

  constructor(
    private readonly task: TrainingTask,
    options: AdamWOptions,
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
    this.normProgram = new CompiledFunction(
      ({ gradients }: { gradients: NamedTensors }) => ({ norm: globalNorm(gradients) }),
      engine,
    );
    this.updateProgram = new CompiledFunction(
      ({ parameters, gradients, moments, step }: UpdateInputs) => ({
        updated: adamW(parameters, gradients, moments, step, options),
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

  /** Global norm of gradients. */
  async norm(gradients: ParameterMap): Promise<number> {
    const { norm } = await this.normProgram.run({ gradients: byName(gradients) });
    return Number(norm.data[0]);
  }

  /** Updates the task's parameters and the moments in place. `step` counts from 1. */
  async update(
    gradients: ParameterMap,
    moments: { first: ParameterMap; second: ParameterMap },
    {
      step,
      learningRate,
      gradientScale,
      beta1,
      beta2,
    }: { step: number; learningRate: number; gradientScale: number; beta1: number; beta2: number },
  ): Promise<void> {
    const parameters = byName(this.task.trained);
    const held = { first: byName(moments.first), second: byName(moments.second) };
    const inputs = {
      parameters,
      gradients: byName(gradients),
      moments: held,
      step: {
        learningRate: scalar(learningRate),
        gradientScale: scalar(gradientScale),
        correction1: scalar(1 - beta1 ** step),
        correction2: scalar(1 - beta2 ** step),
      },
    };
    await this.updateProgram.run(inputs, { into: { updated: { parameters, moments: held } } });
  }

  async dispose(): Promise<void> {
    const programs = [this.gradientProgram, this.lossProgram, this.normProgram, this.updateProgram];
    await Promise.all(programs.map((program) => program.dispose()));
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
