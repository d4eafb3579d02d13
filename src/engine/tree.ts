import { EngineError } from "./errors";

/** Named leaves, in groups as deep as one likes: `{ parameters: { "shared.weight": leaf }, labels: leaf }`. */
export type Tree<Leaf> = { readonly [name: string]: Leaf | Tree<Leaf> };

/** The same names with leaves of another type. */
export type MapTree<T, Leaf, NewLeaf> = {
  [Name in keyof T]: T[Name] extends Leaf ? NewLeaf : MapTree<T[Name], Leaf, NewLeaf>;
};

/** Tensors and their specifications know their shape; groups do not. */
const isLeaf = (node: object): boolean => Array.isArray((node as { shape?: unknown }).shape);

/** The leaves by their paths, `parameters/shared.weight`. */
export function flatten<Leaf extends object>(tree: Tree<Leaf>, prefix = ""): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  for (const [name, node] of Object.entries(tree)) {
    const path = prefix + name;
    if (typeof node !== "object" || !node) throw new EngineError(`${path} is ${String(node)}, not a tensor`);
    if (isLeaf(node)) leaves.set(path, node as Leaf);
    else for (const [inner, leaf] of flatten(node as Tree<Leaf>, `${path}/`)) leaves.set(inner, leaf);
  }
  return leaves;
}

/** A tree of the same names, each leaf replaced by what `replace` makes of it. */
export function mapTree<Leaf extends object, NewLeaf extends object>(
  tree: Tree<Leaf>,
  replace: (leaf: Leaf, path: string) => NewLeaf,
  prefix = "",
): Tree<NewLeaf> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, node]) => {
      const path = prefix + name;
      return [
        name,
        isLeaf(node) ? replace(node as Leaf, path) : mapTree(node as Tree<Leaf>, replace, `${path}/`),
      ];
    }),
  );
}
