import * as tf from "@tensorflow/tfjs";
import type { ProgramTensor } from "../../engine";
import { type HostTensor, viewElements } from "../../tensors";
import { linearLink, type LinearLink } from "./linear";
import type { ParameterSource, RoundedWeight } from "./weights";

/**
 * Linear layers that read the same x, by the name of the one layer that their rows make together: one product instead of
 * several. Names are those of layers, without `.weight`.
 */
export type PackedLayers = Readonly<Record<string, readonly string[]>>;

type Shapes = Readonly<Record<string, readonly number[]>>;

const weightsOf = (layers: readonly string[]) => layers.map((layer) => `${layer}.weight`);

/** The shapes of a model's parameters with the layers of each group as one. */
export function packedShapes(shapes: Shapes, groups: PackedLayers): Shapes {
  const members = new Set(weightsOf(Object.values(groups).flat()));
  const others = Object.entries(shapes).filter(([name]) => !members.has(name));
  const packed = Object.entries(groups).map(([name, layers]) => {
    const [first, ...rest] = weightsOf(layers).map((weight) => shapes[weight]!);
    const out = rest.reduce((sum, shape) => sum + shape[0]!, first![0]!);
    return [`${name}.weight`, [out, ...first!.slice(1)]] as const;
  });
  return Object.fromEntries([...others, ...packed]);
}

/**
 * A source that gives the packed weights as well: the rows of their layers one after the other. A packed weight is rounded in a
 * file if all its layers are, in the same form.
 */
export function packedSource(parameters: ParameterSource, groups: PackedLayers): ParameterSource {
  const layersOf = new Map(Object.entries(groups).map(([name, layers]) => [`${name}.weight`, layers]));
  return {
    get(name) {
      const layers = layersOf.get(name);
      if (!layers) return parameters.get(name);
      const parts = weightsOf(layers).flatMap((weight) => parameters.get(weight) ?? []);
      return parts.length === layers.length ? (joinRows(parts) as HostTensor<"float32">) : undefined;
    },
    locate: (name) => (layersOf.has(name) ? undefined : parameters.locate?.(name)),
    rounded(name) {
      const layers = layersOf.get(name);
      if (!layers) return parameters.rounded?.(name);
      const weights = weightsOf(layers);
      const parts = weights.flatMap((weight) => parameters.rounded?.(weight) ?? []);
      return parts.length === layers.length ? joinRounded(name, weights, parts) : undefined;
    },
  };
}

function joinRounded(
  name: string,
  weights: readonly string[],
  parts: readonly RoundedWeight[],
): RoundedWeight | undefined {
  const [{ scheme, tensors }] = parts as [RoundedWeight];
  const tensorsOf = (suffix: string) => parts.map((part, i) => part.tensors[`${weights[i]}${suffix}`]);
  const suffixes = Object.keys(tensors).map((key) => key.slice(weights[0]!.length));
  const joined: [string, ProgramTensor][] = [];
  for (const suffix of suffixes) {
    const pieces = tensorsOf(suffix);
    const alike = pieces.every(
      (piece, i) =>
        piece !== undefined &&
        piece.dtype === pieces[0]!.dtype &&
        piece.shape.slice(1).join() === pieces[0]!.shape.slice(1).join() &&
        parts[i]!.scheme === scheme &&
        Object.keys(parts[i]!.tensors).length === suffixes.length,
    );
    if (!alike) return undefined;
    joined.push([`${name}${suffix}`, joinRows(pieces as ProgramTensor[])]);
  }
  return { scheme, tensors: Object.fromEntries(joined) };
}

/** Tensors of one type below each other. */
function joinRows(parts: readonly ProgramTensor[]): ProgramTensor {
  const [{ dtype, shape }] = parts as [ProgramTensor];
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const bytes = new Uint8Array(parts.reduce((sum, { data }) => sum + data.byteLength, 0));
  let from = 0;
  for (const { data } of parts) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), from);
    from += data.byteLength;
  }
  return { dtype, shape: [rows, ...shape.slice(1)], data: viewElements(dtype, bytes) } as ProgramTensor;
}

/** Applies a packed layer where one of its layers is asked for, and gives the part that is its own. */
export function packedLink(shapes: Shapes, groups: PackedLayers): LinearLink {
  const groupOf = new Map(
    Object.entries(groups).flatMap(([name, layers]) => {
      const sizes = weightsOf(layers).map((weight) => shapes[weight]![0]!);
      return layers.map((layer, index) => [layer, { name, sizes, index }] as const);
    }),
  );
  return linearLink((layer, next) => {
    const group = groupOf.get(layer);
    if (!group) return undefined;
    return (x) => tf.split(next.apply(x, group.name), group.sizes, 1)[group.index]! as tf.Tensor2D;
  });
}
