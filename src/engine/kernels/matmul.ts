import { backend_util } from "@tensorflow/tfjs";
import { registerKernels } from "../recorder";

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
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return graph.node("FusedMatMul", [a!, b!], result, attributes, "com.microsoft");
  },
});
