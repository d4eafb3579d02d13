import * as tf from "@tensorflow/tfjs";
import {
  CompiledFunction,
  type CompileOptions,
  type DeviceTensor,
  fetchFrom,
  placeOn,
  type ProgramTensor,
  type RecordedDevice,
} from "../engine";
import type { NamedTensors } from "../models";
import { float32Tensor } from "../tensors";
import type { AdamWOptions } from "./adamw";
import type { BatchTensors } from "./data";
import type { Objective } from "./objective";
import { Packing } from "./packed";
import type { ParameterMap, Policy } from "./policy";
import { measureOf, numbersOf, type Totals, withGradients } from "./programs";

/** Vectors of a {@link Packing}. */
type Vectors<T> = Readonly<Record<string, T>>;

/** What changes from step to step of AdamW, as one vector: fewer, larger inputs. */
const FACTORS = 4;

/** What an update of the parameters is computed from. */
type UpdateInputs = {
  p: Vectors<tf.Tensor>;
  g: Vectors<tf.Tensor>;
  m: Vectors<tf.Tensor>;
  v: Vectors<tf.Tensor>;
  factors: tf.Tensor;
};

/** On the device: parameters, the moments of their gradients, and room for those of the next step. */
interface State {
  p: Vectors<DeviceTensor>;
  m: Vectors<DeviceTensor>;
  v: Vectors<DeviceTensor>;
}

/**
 * What is trained, its gradients and moments in a device's memory, and the two programs of a step there. Of a step the device is
 * given the batch, a key for its dropout and four numbers, and gives what was measured and the gradient's norm.
 */
export class ResidentTraining {
  private readonly packing: Packing;
  private readonly gradientProgram;
  private readonly addingProgram;
  private readonly updateProgram;
  private readonly frozen: Record<string, ProgramTensor>;
  private state:
    | Promise<{ now: State; next: State; gradients: Vectors<DeviceTensor>; sums: Vectors<DeviceTensor> }>
    | undefined;

  constructor(
    private readonly policy: Policy,
    objective: Objective,
    private readonly moments: { readonly first: ParameterMap; readonly second: ParameterMap },
    adamW: AdamWOptions,
    private readonly device: RecordedDevice,
    engine: CompileOptions,
  ) {
    const packing = new Packing(policy.trained, adamW.decays);
    this.packing = packing;
    this.frozen = Object.fromEntries(policy.frozen);
    const measure = measureOf(policy, objective);
    const options = { unchanging: "frozen", ...engine };
    type Inputs = { trained: NamedTensors; frozen: NamedTensors; batch: NamedTensors };
    const gradientsOf = ({ trained, ...inputs }: Inputs) => {
      const { measured, gradients } = withGradients(policy, measure, {
        ...inputs,
        trained: packing.tensorsOf(trained),
      });
      return { measured, gradients: packing.vectorsOf(gradients) };
    };
    this.gradientProgram = new CompiledFunction(gradientsOf, options);
    this.addingProgram = new CompiledFunction(({ before, ...inputs }: Inputs & { before: NamedTensors }) => {
      const { measured, gradients } = gradientsOf(inputs);
      return { measured, gradients: mapped(gradients, (more, name) => tf.add(before[name]!, more)) };
    }, options);
    this.updateProgram = new CompiledFunction((inputs: UpdateInputs) => updated(inputs, adamW), engine);
  }

  /** Adds the gradients of a batch to those of the step, or begins with them; returns what was measured. */
  async gradients(
    batch: BatchTensors,
    noise: { seed: number; step: number },
    isFirst: boolean,
  ): Promise<Totals> {
    const state = await this.there();
    const inputs = { trained: state.now.p, frozen: this.frozen, batch: { ...batch } };
    const into = { gradients: isFirst ? state.gradients : state.sums };
    const { measured } = isFirst
      ? await this.gradientProgram.run(inputs, { noise, into })
      : await this.addingProgram.run({ ...inputs, before: state.gradients }, { noise, into });
    if (!isFirst) [state.gradients, state.sums] = [state.sums, state.gradients];
    return numbersOf(measured);
  }

  /**
   * Computes the parameters behind a step of AdamW, which {@link accept} makes those that there are, and returns the norm of the
   * mean gradient.
   *
   * @param step t, from 1
   */
  async update(perCount: number, step: number, learningRate: number, options: AdamWOptions): Promise<number> {
    const { now, next, gradients } = await this.there();
    const { beta1, beta2 } = options;
    const factors = [
      perCount,
      learningRate,
      learningRate / (1 - beta1 ** step),
      1 / Math.sqrt(1 - beta2 ** step),
    ];
    const inputs = { ...now, g: gradients, factors: float32Tensor([FACTORS], Float32Array.from(factors)) };
    const { norm } = await this.updateProgram.run(inputs, { into: { next } });
    return Number(norm.data[0]);
  }

  /** Takes what {@link update} computed. */
  async accept(): Promise<void> {
    const state = await this.there();
    [state.now, state.next] = [state.next, state.now];
  }

  /** Copies parameters and moments into their arrays in ordinary memory. */
  async settle(): Promise<void> {
    if (!this.state) return;
    const { now } = await this.state;
    for (const [vectors, parameters] of [
      [now.p, this.policy.trained],
      [now.m, this.moments.first],
      [now.v, this.moments.second],
    ] as const) {
      const fetched: Record<string, { data: Float32Array }> = {};
      for (const [name, tensor] of Object.entries(vectors))
        fetched[name] = { data: (await fetchFrom(this.device, tensor)).data as Float32Array };
      this.packing.unpackInto(parameters, fetched);
    }
  }

  /** Lets the arrays in ordinary memory be what there is: the device is given them again at the next step. */
  async forget(): Promise<void> {
    const state = await this.state;
    this.state = undefined;
    if (!state) return;
    for (const vectors of [state.now, state.next]
      .flatMap(({ p, m, v }) => [p, m, v])
      .concat(state.gradients, state.sums))
      for (const tensor of Object.values(vectors)) tensor.dispose();
  }

  async dispose(): Promise<void> {
    await Promise.all([
      this.gradientProgram.dispose(),
      this.addingProgram.dispose(),
      this.updateProgram.dispose(),
    ]);
    await this.forget();
  }

  private there() {
    this.state ??= this.place();
    return this.state;
  }

  private async place() {
    const put = async (parameters: ParameterMap) => {
      const vectors: Record<string, DeviceTensor> = {};
      for (const [name, tensor] of Object.entries(this.packing.pack(parameters)))
        vectors[name] = await placeOn(this.device, tensor);
      return vectors;
    };
    const states = async (): Promise<State> => ({
      p: await put(this.policy.trained),
      m: await put(this.moments.first),
      v: await put(this.moments.second),
    });
    return {
      now: await states(),
      next: await states(),
      gradients: await put(this.policy.trained),
      sums: await put(this.policy.trained),
    };
  }
}

const mapped = <T, R>(vectors: Vectors<T>, make: (vector: T, name: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(vectors).map(([name, vector]) => [name, make(vector, name)]));

/** One step of AdamW as `adamW` takes it, with the clipping before it, over whole vectors, in a program. */
export function updated(
  { p, g, m, v, factors }: UpdateInputs,
  { beta1, beta2, epsilon, weightDecay, maxGradNorm }: AdamWOptions,
) {
  const [perCount, learningRate, rate, root] = tf.unstack(factors) as [
    tf.Scalar,
    tf.Scalar,
    tf.Scalar,
    tf.Scalar,
  ];
  const squares = Object.values(g).map((vector) => tf.sum(tf.square(vector)));
  const norm = tf.mul(tf.sqrt(squares.length === 1 ? squares[0]! : tf.addN(squares)), perCount);
  const clip = maxGradNorm > 0 ? tf.minimum(1, tf.div(maxGradNorm, tf.add(norm, 1e-6))) : tf.scalar(1);
  const scaled = mapped(g, (vector) => tf.mul(vector, tf.mul(perCount, clip)));
  const first = mapped(m, (vector, name) => tf.add(tf.mul(vector, beta1), tf.mul(scaled[name]!, 1 - beta1)));
  const second = mapped(v, (vector, name) =>
    tf.add(tf.mul(vector, beta2), tf.mul(tf.square(scaled[name]!), 1 - beta2)),
  );
  const moved = mapped(p, (vector, name) => {
    const kept = name === "decayed" ? tf.mul(vector, tf.sub(1, tf.mul(learningRate, weightDecay))) : vector;
    const down = tf.add(tf.mul(tf.sqrt(second[name]!), root), epsilon);
    return tf.sub(kept, tf.div(tf.mul(first[name]!, rate), down));
  });
  return { next: { p: moved, m: first, v: second }, norm };
}
