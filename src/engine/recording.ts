import type * as tf from "@tensorflow/tfjs";
import { EngineError } from "./errors";
import { Graph } from "./graph";
import "./kernels";
import type { MaskDraw } from "./noise";
import type { OnnxModel } from "./onnx";
import { record, tensorOf, valueOf } from "./recorder";
import type { ProgramType, Signature, TensorSpec, TensorsOf } from "./tensors";
import { flatten, mapTree, type Tree } from "./tree";

/** A function as a graph. */
export interface Recording {
  readonly model: OnnxModel;
  /** What the function returns, under its names. */
  readonly outputs: Tree<TensorSpec>;
  /** The inputs that each run draws, by their names. */
  readonly masks: ReadonlyMap<string, MaskDraw>;
}

/**
 * Runs `fn` once on tensors that hold nothing and returns the graph of all that it did. `dimensions` names marker sizes
 * that stay open; see {@link Graph}.
 */
export function recordFunction<S extends Signature>(
  fn: (inputs: TensorsOf<S>) => Tree<tf.Tensor>,
  signature: S,
  dimensions: Readonly<Record<string, number>> = {},
): Recording {
  const graph = new Graph(dimensions);
  return record(graph, () => {
    const inputs = mapTree(signature as Tree<TensorSpec>, ({ dtype, shape }, path) =>
      tensorOf(graph.input(path, { type: dtype, shape })),
    );
    const results: unknown = fn(inputs as TensorsOf<S>);
    if (results instanceof Promise) {
      results.catch(() => {});
      throw new EngineError("a function that is compiled cannot be async: it runs once, to be recorded");
    }
    const tensors = results as Tree<tf.Tensor>;
    const values = new Map([...flatten(tensors)].map(([path, tensor]) => [path, valueOf(tensor)]));
    const outputs = mapTree(tensors, (_tensor, path): TensorSpec => {
      const { type, shape } = values.get(path)!;
      return { dtype: type as ProgramType, shape };
    });
    return { model: graph.model(Object.fromEntries(values)), outputs, masks: graph.masks };
  });
}
