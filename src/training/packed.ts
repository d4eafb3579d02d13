import * as tf from "@tensorflow/tfjs";
import { elementCount, float32Tensor, type HostTensor } from "../tensors";
import type { ParameterMap } from "./policy";

/** Parameters one behind the other in a few vectors: those that decay, and the others. */
export class Packing {
  private readonly groups: ReadonlyMap<string, readonly string[]>;

  constructor(
    private readonly parameters: ParameterMap,
    decays: (parameter: string) => boolean,
  ) {
    const names = [...parameters.keys()];
    const groups = [
      ["decayed", names.filter(decays)],
      ["kept", names.filter((name) => !decays(name))],
    ] as const;
    this.groups = new Map(groups.filter(([, members]) => members.length > 0));
  }

  /** The vectors' names: `decayed`, `kept`, those of them that hold something. */
  get vectors(): readonly string[] {
    return [...this.groups.keys()];
  }

  /** Parameters of these names and shapes as vectors. */
  pack(parameters: ParameterMap): Record<string, HostTensor<"float32">> {
    return this.each((names) => {
      const size = names.reduce((sum, name) => sum + this.sizeOf(name), 0);
      const data = new Float32Array(size);
      let at = 0;
      for (const name of names) {
        data.set(parameters.get(name)!.data, at);
        at += this.sizeOf(name);
      }
      return float32Tensor([size], data);
    });
  }

  /** Writes what {@link pack} made into the parameters' own arrays. */
  unpackInto(
    parameters: ParameterMap,
    vectors: Readonly<Record<string, Pick<HostTensor<"float32">, "data">>>,
  ): void {
    for (const [group, names] of this.groups) {
      let at = 0;
      for (const name of names) {
        const { data } = parameters.get(name)!;
        data.set(vectors[group]!.data.subarray(at, at + data.length));
        at += data.length;
      }
    }
  }

  /** The parameters of vectors in a program. */
  tensorsOf(vectors: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> {
    const tensors: Record<string, tf.Tensor> = {};
    for (const [group, names] of this.groups) {
      let at = 0;
      for (const name of names) {
        const size = this.sizeOf(name);
        const part = tf.slice1d(vectors[group] as tf.Tensor1D, at, size);
        tensors[name] = tf.reshape(part, [...this.parameters.get(name)!.shape]);
        at += size;
      }
    }
    return tensors;
  }

  /** Tensors of the parameters' names as vectors in a program. */
  vectorsOf(tensors: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> {
    return this.each((names) =>
      tf.concat1d(names.map((name) => tf.reshape(tensors[name]!, [-1]) as tf.Tensor1D)),
    );
  }

  private each<T>(make: (names: readonly string[]) => T): Record<string, T> {
    return Object.fromEntries([...this.groups].map(([group, names]) => [group, make(names)]));
  }

  private sizeOf(name: string): number {
    return elementCount(this.parameters.get(name)!.shape);
  }
}
