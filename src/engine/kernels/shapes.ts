import { slice_util, util } from "@tensorflow/tfjs";
import type { Graph, Value } from "../graph";
import type { ElementType } from "../onnx";
import { registerKernels } from "../recorder";

const integers = (graph: Graph, list: readonly number[]) => graph.constant("int64", [list.length], list);

function transpose(graph: Graph, x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  const moved = perm.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)) return graph.reshape(x, shape);
  return graph.node("Transpose", [x], { type: x.type, shape }, { perm });
}

function slice(graph: Graph, x: Value, begin: readonly number[], size: readonly number[]): Value {
  const cut = x.shape.map((_, axis) => axis).filter((axis) => size[axis] !== x.shape[axis]);
  if (cut.length === 0) return x;
  // WebGPU slices floats alone, and would leave whole numbers to the cpu.
  if (graph.device === "webgpu" && x.type === "int32" && !size.some((one) => graph.isOpen(one)))
    return cut.reduce((part, axis) => {
      const places = Array.from({ length: size[axis]! }, (_, i) => begin[axis]! + i);
      const shape = part.shape.map((one, i) => (i === axis ? places.length : one));
      const indices = graph.constant("int32", [places.length], places);
      return graph.node("Gather", [part, indices], { type: x.type, shape }, { axis });
    }, x);
  const from = cut.map((axis) => begin[axis]!);
  const to = cut.map((axis) => begin[axis]! + size[axis]!);
  const inputs = [x, graph.shape(from), graph.shape(to), integers(graph, cut)];
  return graph.node("Slice", inputs, { type: x.type, shape: size });
}

const full = (graph: Graph, shape: readonly number[], type: ElementType, scalar: number) =>
  graph.expand(graph.scalar(type, scalar), shape);

registerKernels({
  Reshape: (graph, { x }, { shape }) =>
    graph.reshape(x!, util.inferFromImplicitShape(shape as number[], util.sizeFromShape([...x!.shape]))),
  ExpandDims: (graph, { input }, { dim }) => {
    const shape = [...input!.shape];
    const at = dim as number;
    shape.splice(at < 0 ? at + shape.length + 1 : at, 0, 1);
    return graph.reshape(input!, shape);
  },
  Transpose: (graph, { x }, { perm }) => transpose(graph, x!, perm as number[]),
  Fill: (graph, _inputs, { shape, value, dtype }) =>
    full(graph, shape as number[], (dtype as ElementType | undefined) ?? "float32", value as number),
  ZerosLike: (graph, { x }) => full(graph, x!.shape, x!.type, 0),
  OnesLike: (graph, { x }) => full(graph, x!.shape, x!.type, 1),
  Range: (graph, _inputs, { start, stop, step, dtype }) => {
    const [from, by] = [start as number, step as number];
    const length = Math.max(0, Math.ceil(((stop as number) - from) / by));
    return graph.constant(
      dtype as ElementType,
      [length],
      Array.from({ length }, (_, i) => from + i * by),
    );
  },
  Concat: (graph, inputs, { axis }) => {
    const values = Object.values(inputs);
    const at = util.parseAxisParam(axis as number, [...values[0]!.shape])[0]!;
    const parts = values.filter(({ shape }) => shape[at] !== 0);
    if (parts.length <= 1) return parts[0] ?? values[0]!;
    const origin = graph.origin(parts);
    if (origin?.opType === "Split" && origin.axis === at) return origin.inputs[0]!;
    const shape = [...parts[0]!.shape];
    shape[at] = parts.reduce((sum, { shape }) => sum + shape[at]!, 0);
    return graph.node("Concat", parts, { type: parts[0]!.type, shape }, { axis: at });
  },
  Pack: (graph, inputs, { axis }) => {
    const at = axis as number;
    const parts = Object.values(inputs).map((value) => {
      return graph.reshape(value, [...value.shape.slice(0, at), 1, ...value.shape.slice(at)]);
    });
    const shape = [...parts[0]!.shape];
    shape[at] = parts.length;
    return parts.length === 1
      ? parts[0]!
      : graph.node("Concat", parts, { type: parts[0]!.type, shape }, { axis: at });
  },
  Unpack: (graph, { value }, { axis }) => {
    const { shape } = value!;
    const at = util.parseAxisParam(axis as number, [...shape])[0]!;
    return Array.from({ length: shape[at]! }, (_, i) => {
      const begin = shape.map((_, axis) => (axis === at ? i : 0));
      const size = shape.map((length, axis) => (axis === at ? 1 : length));
      return graph.reshape(
        slice(graph, value!, begin, size),
        shape.filter((_, axis) => axis !== at),
      );
    });
  },
  SplitV: (graph, { x }, { numOrSizeSplits, axis }) => {
    const at = util.parseAxisParam(axis as number, [...x!.shape])[0]!;
    const parts = numOrSizeSplits as number | number[];
    const sizes = typeof parts === "number" ? Array<number>(parts).fill(x!.shape[at]! / parts) : [...parts];
    const rest = sizes.indexOf(-1);
    if (rest >= 0) sizes[rest] = x!.shape[at]! - sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
    const results = sizes.map((size) => ({
      type: x!.type,
      shape: x!.shape.map((old, i) => (i === at ? size : old)),
    }));
    return graph.manyResults("Split", [x!, integers(graph, sizes)], results, { axis: at });
  },
  Slice: (graph, { x }, { begin, size }) => {
    const [from, sizes] = slice_util.parseSliceParams(
      { dataId: {}, shape: [...x!.shape], dtype: "float32" },
      begin as number[],
      size as number[],
    );
    return slice(graph, x!, from!, sizes!);
  },
  Tile: (graph, { x }, { reps }) => {
    const repeats = reps as number[];
    const shape = x!.shape.map((size, i) => size * repeats[i]!);
    if (x!.shape.every((size, i) => size === 1 || repeats[i] === 1)) return graph.expand(x!, shape);
    return graph.node("Tile", [x!, integers(graph, repeats)], { type: x!.type, shape });
  },
  PadV2: (graph, { x }, { paddings, constantValue }) => {
    const pads = paddings as [number, number][];
    if (pads.flat().every((count) => count === 0)) return x!;
    const shape = x!.shape.map((size, i) => size + pads[i]![0] + pads[i]![1]);
    const ends = [...pads.map(([before]) => before), ...pads.map(([, after]) => after)];
    const filler = graph.scalar(x!.type, constantValue as number);
    return graph.node("Pad", [x!, integers(graph, ends), filler], { type: x!.type, shape });
  },
  Reverse: (graph, { x }, { dims }) => {
    const axes = util.parseAxisParam(dims as number[], [...x!.shape]);
    if (axes.length === 0) return x!;
    const every = (number: number) =>
      integers(
        graph,
        axes.map(() => number),
      );
    const inputs = [x!, every(-1), every(-(2 ** 31)), integers(graph, axes), every(-1)];
    return graph.node("Slice", inputs, x!);
  },
});
