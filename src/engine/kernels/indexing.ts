import { util } from "@tensorflow/tfjs";
import { registerKernels } from "../recorder";

registerKernels({
  GatherV2: (graph, { x, indices }, { axis, batchDims }) => {
    if (batchDims) throw new Error("gather with batchDims cannot be recorded");
    const at = util.parseAxisParam(axis as number, [...x!.shape])[0]!;
    const shape = [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)];
    return graph.node("Gather", [x!, indices!], { type: x!.type, shape }, { axis: at });
  },
  GatherNd: (graph, { params, indices }) => {
    const depth = indices!.shape[indices!.shape.length - 1]!;
    const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)];
    return graph.node("GatherND", [params!, graph.cast(indices!, "int64")], { type: params!.type, shape });
  },
  ScatterNd: (graph, { indices, updates }, { shape }) => {
    const { type } = updates!;
    const zeros = graph.expand(graph.scalar(type, 0), shape as number[]);
    const inputs = [zeros, graph.cast(indices!, "int64"), updates!];
    return graph.node("ScatterND", inputs, { type, shape: shape as number[] }, { reduction: "add" });
  },
  UnsortedSegmentSum: (graph, { x, segmentIds }, { numSegments }) => {
    const { type } = x!;
    const { shape: ids } = segmentIds!;
    const shape = [numSegments as number, ...x!.shape.slice(ids.length)];
    const indices = graph.cast(graph.reshape(segmentIds!, [...ids, 1]), "int64");
    const zeros = graph.expand(graph.scalar(type, 0), shape);
    return graph.node("ScatterND", [zeros, indices, x!], { type, shape }, { reduction: "add" });
  },
  /** Indices outside 0…depth − 1 have no hot place, where ONNX's OneHot would count negative ones from the end. */
  OneHot: (graph, { indices }, { dtype, depth, onValue, offValue }) => {
    const shape = [...indices!.shape, depth as number];
    const type = ((dtype as string | undefined) ?? "int32") as "int32" | "float32";
    const places = graph.constant("int32", [depth as number], [...Array(depth as number).keys()]);
    const own = graph.reshape(graph.cast(indices!, "int32"), [...indices!.shape, 1]);
    const hot = graph.node("Equal", [own, places], { type: "bool", shape });
    if (onValue === 1 && offValue === 0) return graph.cast(hot, type);
    const [on, off] = [graph.scalar(type, onValue as number), graph.scalar(type, offValue as number)];
    return graph.node("Where", [hot, on, off], { type, shape });
  },
  TopK: (graph, { x }, { k, sorted }) => {
    const shape = [...x!.shape.slice(0, -1), k as number];
    const results = [
      { type: x!.type, shape },
      { type: "int64", shape },
    ] as const;
    const inputs = [x!, graph.constant("int64", [1], [k as number])];
    const [values, places] = graph.manyResults("TopK", inputs, results, { sorted: sorted ? 1 : 0 });
    return [values!, graph.cast(places!, "int32")];
  },
});
