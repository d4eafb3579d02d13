import { util } from "@tensorflow/tfjs";
import type { Graph, Value } from "../graph";
import type { ElementType } from "../onnx";
import { type Kernel, registerKernels } from "../recorder";

/** TensorFlow.js calls the axes of Max `reductionIndices`. */
interface ReductionAttributes {
  axis?: number | number[];
  reductionIndices?: number | number[];
  keepDims?: boolean;
}

function reduced({ shape }: Value, axes: readonly number[], keepDims: boolean): number[] {
  return keepDims
    ? shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : shape.filter((_, i) => !axes.includes(i));
}

function reduce(graph: Graph, opType: string, x: Value, attributes: unknown): Value {
  const { axis, reductionIndices, keepDims = false } = attributes as ReductionAttributes;
  const axes = util.parseAxisParam((axis ?? reductionIndices)!, [...x.shape]);
  const shape = reduced(x, axes, keepDims);
  if (axes.every((axis) => x.shape[axis] === 1)) return graph.reshape(x, shape);
  const list = graph.constant("int64", [axes.length], axes);
  return graph.node(opType, [x, list], { type: x.type, shape }, { keepdims: keepDims ? 1 : 0 });
}

const reduction =
  (opType: string): Kernel =>
  (graph, { x }, attributes) =>
    reduce(graph, opType, x!, attributes);

/** Reduces in another type and comes back. */
const reductionAs =
  (opType: string, inner: ElementType, outer: ElementType): Kernel =>
  (graph, { x }, attributes) =>
    graph.cast(reduce(graph, opType, graph.cast(x!, inner), attributes), outer);

const position =
  (opType: string): Kernel =>
  (graph, { x }, { axis }) => {
    const at = util.parseAxisParam(axis as number, [...x!.shape])[0]!;
    const shape = reduced(x!, [at], false);
    return graph.cast(graph.node(opType, [x!], { type: "int64", shape }, { axis: at, keepdims: 0 }), "int32");
  };

registerKernels({
  Sum: reduction("ReduceSum"),
  Mean: reductionAs("ReduceMean", "float32", "float32"),
  Max: reduction("ReduceMax"),
  Min: reduction("ReduceMin"),
  Prod: reduction("ReduceProd"),
  All: reductionAs("ReduceMin", "int32", "bool"),
  Any: reductionAs("ReduceMax", "int32", "bool"),
  ArgMax: position("ArgMax"),
  ArgMin: position("ArgMin"),
  Cumsum: (graph, { x }, { axis, exclusive, reverse }) =>
    graph.node("CumSum", [x!, graph.scalar("int32", axis as number)], x!, {
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
  Softmax: (graph, { logits }) => graph.node("Softmax", [logits!], logits!, { axis: -1 }),
});
