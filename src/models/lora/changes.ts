import type { Architecture, Model } from "../architecture";
import { needParameter } from "../layers";
import type { Adapter } from "./adapter";
import { mergeAdapter } from "./weights";

/** How far an adapter moved a weight. */
export interface WeightChange {
  /** Module path, such as `encoder.block.0.layer.0.SelfAttention.q`. */
  readonly module: string;
  /** ‖W′ − W‖ / ‖W‖ in the Frobenius norm, W′ the weight with the adapter merged. */
  readonly relative: number;
}

/** How far an adapter moved each weight that it adapts, saves whole or unfreezes, in the model's order; norms are left out. */
export function weightChanges(
  { architecture, config, parameters }: Model,
  adapter: Pick<Adapter, "config" | "weights" | "unfrozen">,
): WeightChange[] {
  const stored = [...adapter.weights.keys(), ...adapter.unfrozen.keys()];
  const changed = new Set(stored.map((name) => name.replace(/\.lora_[AB]\.weight$/, ".weight")));
  const inOrder = Object.keys(architecture.parameterShapes(config)).filter((name) => changed.has(name));
  return inOrder.flatMap((name) => {
    const before = needParameter(parameters, name);
    const after = needParameter(mergeAdapter(new Map([[name, before]]), adapter), name);
    if (after.shape.length !== 2) return [];
    let difference = 0;
    let size = 0;
    after.data.forEach((value, i) => {
      difference += (value - before.data[i]!) ** 2;
      size += before.data[i]! ** 2;
    });
    return [{ module: name.replace(/\.weight$/, ""), relative: Math.sqrt(difference / size) }];
  });
}

/** Weight changes as a table: a row for each block, a column for each layer in it; null where there is none. */
export function weightChangeTable(
  { blockOf }: Pick<Architecture, "blockOf">,
  changes: readonly WeightChange[],
): {
  rows: string[];
  columns: string[];
  values: (number | null)[][];
} {
  const placed = changes.flatMap(({ module, relative }) => {
    const place = blockOf(`${module}.weight`);
    return place?.layer ? [{ row: `${place.stack} ${place.block + 1}`, ...place.layer, relative }] : [];
  });
  const rows = [...new Set(placed.map(({ row }) => row))];
  const inOrder = [...placed].sort((a, b) => a.sublayer - b.sublayer);
  const columns = [...new Set(inOrder.map(({ name }) => name))];
  const values = rows.map((row) =>
    columns.map((column) => placed.find((one) => one.row === row && one.name === column)?.relative ?? null),
  );
  return { rows, columns, values };
}
