import type * as tf from "@tensorflow/tfjs";
import type { RecordedDevice } from "./devices";
import { EngineError } from "./errors";
import { Graph, type Value } from "./graph";
import type { MaskDraw } from "./noise";
import { peakBytes } from "./memory";
import type { OnnxModel } from "./onnx";
import { unpackedInput } from "./ops/bytes";
import { record, tensorOf, valueOf } from "./recorder";
import type { ProgramType, Signature, TensorsOf, TensorSpec } from "./tensors";
import { flatten, mapTree, type Tree } from "./tree";
import "./kernels";

/** A function as a graph. */
export interface Recording {
  /** Where it is to run. */
  readonly device: RecordedDevice;
  readonly model: OnnxModel;
  /** What the function returns, under its names. */
  readonly outputs: Tree<TensorSpec>;
  /** The inputs that each run draws, by their names. */
  readonly masks: ReadonlyMap<string, MaskDraw>;
  /** The most bytes that its results take while it runs; see {@link peakBytes}. */
  readonly peakBytes: () => number;
}

export interface RecordOptions {
  /** Names and marker sizes of dimensions that stay open; see {@link Graph}. */
  dimensions?: Readonly<Record<string, number>>;
  /**
   * Where the graph is to run: what one device lacks is said otherwise for it.
   * @default "cpu"
   */
  device?: RecordedDevice;
  /**
   * Whether it computes its dropout masks by itself, from a key of two numbers, instead of being given them.
   * @default false
   */
  computesMasks?: boolean | undefined;
  /**
   * Which inputs of 8 bits are given as words of 32 bits; see `packBytes`.
   * @default none
   */
  packs?: (name: string) => boolean;
  /** Return, instead of the results, a scalar for every value on the way to them; see {@link Graph.probes}. */
  probe?: boolean;
}

/** Runs `fn` once on tensors that hold nothing and returns the graph of all that it did. */
export function recordFunction<S extends Signature>(
  fn: (inputs: TensorsOf<S>) => Tree<tf.Tensor>,
  signature: S,
  { dimensions = {}, device = "cpu", computesMasks = false, packs, probe = false }: RecordOptions = {},
): Recording {
  const graph = new Graph(dimensions, probe, device, computesMasks);
  return record(graph, () => {
    const inputs = mapTree(signature as Tree<TensorSpec>, ({ dtype, shape }, path) =>
      (dtype === "int8" || dtype === "uint8") && packs?.(path)
        ? unpackedInput(graph, path, dtype, shape)
        : tensorOf(graph.input(path, { type: dtype, shape })),
    );
    const results: unknown = fn(inputs as TensorsOf<S>);
    const members: unknown[] = Object.values(results ?? {});
    const promises = [results, ...members].filter(
      (result): result is Promise<unknown> => result instanceof Promise,
    );
    if (promises.length > 0) {
      for (const promise of promises) promise.catch(() => {});
      throw new EngineError("a function that is compiled cannot be async: it runs once, to be recorded");
    }
    const tensors = flatten(results as Tree<tf.Tensor>);
    const values = Object.fromEntries([...tensors].map(([path, tensor]) => [path, valueOf(tensor)]));
    const clash = [...flatten(signature as Tree<TensorSpec>).keys()].find((path) => tensors.has(path));
    if (clash) throw new EngineError(`an input and a result are both called ${clash}: put one into a group`);
    const specOf = ({ type, shape }: Value): TensorSpec => ({ dtype: type as ProgramType, shape });
    const probes = probe ? graph.probes(values) : undefined;
    const model = graph.model(probes ?? values);
    const outputs = probes
      ? mapTree(probes, specOf)
      : mapTree(results as Tree<tf.Tensor>, (_tensor, path) => specOf(values[path]!));
    const given = new Set(model.inputs.map(({ name }) => name));
    return {
      device,
      model,
      outputs,
      masks: new Map([...graph.masks].filter(([name]) => given.has(name))),
      peakBytes: () => peakBytes(model, graph.sizeOf(values)),
    };
  });
}
