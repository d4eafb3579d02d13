import type { HostTensor } from "../../tensors";
import type { Adapter } from "./adapter";
import { mergeAdapter } from "./weights";

type Float32Tensor = HostTensor<"float32">;

/** How far an adapter moved a weight. */
export interface WeightChange {
  /** Module path, such as `encoder.block.0.layer.0.SelfAttention.q`. */
  readonly module: string;
  /** ‖W′ − W‖ / ‖W‖ in the Frobenius norm, W′ the weight with the adapter merged. */
  readonly relative: number;
}

/** How far an adapter moved each weight that it adapts, saves whole or unfreezes; norms are left out. */
export function weightChanges(
  parameters: ReadonlyMap<string, Float32Tensor>,
  adapter: Pick<Adapter, "config" | "weights" | "unfrozen">,
): WeightChange[] {
  const changed = [...mergeAdapter(parameters, adapter)].filter(
    ([name, tensor]) => tensor !== parameters.get(name) && tensor.shape.length === 2,
  );
  return changed.map(([name, { data }]) => {
    const before = parameters.get(name)!.data;
    let difference = 0;
    let size = 0;
    for (let i = 0; i < data.length; i++) {
      difference += (data[i]! - before[i]!) ** 2;
      size += before[i]! ** 2;
    }
    return { module: name.replace(/\.weight$/, ""), relative: Math.sqrt(difference / size) };
  });
}

/** Weight changes of a T5 as a table: a row for each block, a column for each projection; null where there is none. */
export function weightChangeTable(changes: readonly WeightChange[]): {
  rows: string[];
  columns: string[];
  values: (number | null)[][];
} {
  const placed = changes.flatMap(({ module, relative }) => {
    const found =
      /^(encoder|decoder)\.block\.(\d+)\.layer\.\d+\.(SelfAttention|EncDecAttention|DenseReluDense)\.([qkvo]|w\w+)$/.exec(
        module,
      );
    if (!found) return [];
    const [, stack, block, layer, projection] = found;
    const kind = { SelfAttention: "self ", EncDecAttention: "cross " }[layer!] ?? "";
    return [{ row: `${stack} ${Number(block) + 1}`, column: `${kind}${projection}`, relative }];
  });
  const order = (column: string) => (column.startsWith("self") ? 0 : column.startsWith("cross") ? 1 : 2);
  const rows = [...new Set(placed.map(({ row }) => row))];
  const columns = [...new Set(placed.map(({ column }) => column))].sort((a, b) => order(a) - order(b));
  const values = rows.map((row) =>
    columns.map((column) => placed.find((one) => one.row === row && one.column === column)?.relative ?? null),
  );
  return { rows, columns, values };
}
