import * as tf from "@tensorflow/tfjs";
import { compile, type CompileOptions, type Noise, type ProgramTensor, type TensorSpec } from "../engine";
import { float32Tensor } from "../models/safetensors";
import { adamW, type AdamWOptions, globalNorm, type NamedTensors } from "./adamw";
import { batchKey, type BatchTensors, type ParameterMap, specsOf, type TrainingTask } from "./task";

const SCALAR: TensorSpec = { dtype: "float32", shape: [] };
const scalar = (value: number) => float32Tensor([], Float32Array.of(value));

type ByName = Record<string, ProgramTensor>;
const byName = (parameters: ParameterMap): ByName => Object.fromEntries(parameters);

/** The programs of a training step, compiled when first needed: gradients and loss per batch shape, norm, update. */
export class TrainingPrograms {
  private readonly gradientPrograms = new Map<string, Promise<GradientProgram>>();
  private readonly lossPrograms = new Map<string, Promise<LossProgram>>();
  private readonly normProgram: Promise<NormProgram>;
  private readonly updateProgram: Promise<UpdateProgram>;

  constructor(
    private readonly task: TrainingTask,
    adamWOptions: AdamWOptions,
    private readonly engine: CompileOptions,
  ) {
    this.normProgram = compileNorm(task, engine);
    this.updateProgram = compileUpdate(task, adamWOptions, engine);
  }

  /** Summed loss and number of labels of a batch; the gradients of the sum are written into `into`. */
  async gradients(batch: BatchTensors, noise: Noise, into: ParameterMap): Promise<number> {
    const program = await cached(this.gradientPrograms, batchKey(batch), () =>
      compileGradients(this.task, batch, this.engine),
    );
    const { trained, frozen } = this.task;
    const { loss } = await program.run(
      { trained: byName(trained), frozen: byName(frozen), batch },
      { noise, into: { gradients: byName(into) } },
    );
    return Number(loss.data[0]);
  }

  /** The summed loss of a batch, without dropout. */
  async loss(batch: BatchTensors): Promise<number> {
    const program = await cached(this.lossPrograms, batchKey(batch), () =>
      compileLoss(this.task, batch, this.engine),
    );
    const { trained, frozen } = this.task;
    const { loss } = await program.run({ trained: byName(trained), frozen: byName(frozen), batch });
    return Number(loss.data[0]);
  }

  /** Global norm of gradients. */
  async norm(gradients: ParameterMap): Promise<number> {
    const { norm } = await (await this.normProgram).run({ gradients: byName(gradients) });
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
    await (await this.updateProgram).run(inputs, { into: { updated: { parameters, moments: held } } });
  }

  async dispose(): Promise<void> {
    const programs = [
      ...this.gradientPrograms.values(),
      ...this.lossPrograms.values(),
      this.normProgram,
      this.updateProgram,
    ];
    await Promise.all(programs.map(async (program) => (await program).dispose()));
  }
}

type GradientProgram = Awaited<ReturnType<typeof compileGradients>>;
type LossProgram = Awaited<ReturnType<typeof compileLoss>>;
type NormProgram = Awaited<ReturnType<typeof compileNorm>>;
type UpdateProgram = Awaited<ReturnType<typeof compileUpdate>>;

function cached<T>(programs: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const program = programs.get(key) ?? make();
  programs.set(key, program);
  return program;
}

function lossSignature({ trained, frozen }: TrainingTask, batch: BatchTensors) {
  return { trained: specsOf(trained), frozen: specsOf(frozen), batch: specsOf(Object.entries(batch)) };
}

function compileGradients(task: TrainingTask, batch: BatchTensors, engine: CompileOptions) {
  const names = [...task.trained.keys()];
  return compile(
    ({ trained, frozen, batch }) => {
      const loss = (...values: tf.Tensor[]) => {
        const parameters: NamedTensors = { ...frozen };
        names.forEach((name, i) => (parameters[name] = values[i]!));
        return task.loss(parameters, batch, true) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => trained[name]!));
      const gradients: NamedTensors = Object.fromEntries(names.map((name, i) => [name, grads[i]!]));
      return { loss: value as tf.Tensor, gradients };
    },
    lossSignature(task, batch),
    engine,
  );
}

function compileLoss(task: TrainingTask, batch: BatchTensors, engine: CompileOptions) {
  return compile(
    ({ trained, frozen, batch }) => ({ loss: task.loss({ ...frozen, ...trained }, batch, false) }),
    lossSignature(task, batch),
    engine,
  );
}

function compileNorm({ trained }: TrainingTask, engine: CompileOptions) {
  return compile(
    ({ gradients }) => ({ norm: globalNorm(gradients) }),
    { gradients: specsOf(trained) },
    engine,
  );
}

function compileUpdate({ trained }: TrainingTask, options: AdamWOptions, engine: CompileOptions) {
  const specs = specsOf(trained);
  const signature = {
    parameters: specs,
    gradients: specs,
    moments: { first: specs, second: specs },
    step: { learningRate: SCALAR, gradientScale: SCALAR, correction1: SCALAR, correction2: SCALAR },
  };
  return compile(
    ({ parameters, gradients, moments, step }) => ({
      updated: adamW(parameters, gradients, moments, step, options),
    }),
    signature,
    engine,
  );
}
