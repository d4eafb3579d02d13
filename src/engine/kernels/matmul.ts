import { backend_util } from "@tensorflow/tfjs";
import type { Graph, Value } from "../graph";
import { registerKernels } from "../recorder";

function transposed(graph: Graph, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
  return graph.node("Transpose", [x], { type: x.type, shape: perm.map((axis) => x.shape[axis]!) }, { perm });
}

registerKernels({
  BatchMatMul: (graph, { a, b }, { transposeA, transposeB }) => {
    const [rowsA, columnsA] = a!.shape.slice(-2) as [number, number];
    const [rowsB, columnsB] = b!.shape.slice(-2) as [number, number];
    const inner = [transposeA ? rowsA : columnsA, transposeB ? columnsB : rowsB];
    if (inner[0] !== inner[1]) {
      const shown = (shape: readonly number[], transposed: unknown) =>
        `[${shape.join(", ")}]${transposed ? "ᵀ" : ""}`;
      throw new Error(
        `matMul: inner dimensions differ in ${shown(a!.shape, transposeA)} · ${shown(b!.shape, transposeB)}`,
      );
    }
    const batch = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const shape = [...batch, transposeA ? columnsA : rowsA, transposeB ? rowsB : columnsB];
    const result = { type: a!.type, shape };
    if (!transposeA && !transposeB) return graph.node("MatMul", [a!, b!], result);
    // ONNX Runtime 1.30 has no FusedMatMul on WebGPU, and would leave it to the cpu.
    if (graph.device === "webgpu") {
      if (a!.shape.length === 2 && b!.shape.length === 2 && a!.type === "float32")
        return graph.node("Gemm", [a!, b!], result, {
          transA: transposeA ? 1 : 0,
          transB: transposeB ? 1 : 0,
        });
      const rows = transposeA ? transposed(graph, a!) : a!;
      return graph.node("MatMul", [rows, transposeB ? transposed(graph, b!) : b!], result);
    }
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return graph.node("FusedMatMul", [a!, b!], result, attributes, "com.microsoft");
  },
});
