import { createHash } from "node:crypto";
import type { Graph, Value } from "./graph";
import type { MaskDraw, Noise } from "./noise";

/** Odd numbers without a pattern. */
const ELEMENT = 0x9e3779b1;
const DRAW = 0x85ebca77;
const ROUNDS = [0x2c1b3c6d, 0x297a2d39];

/** The parts of the word that rounds begin with: of an element of a mask, and of the draw. */
const elementWord = (element: number) => Math.imul(element, ELEMENT);
const drawWord = (index: number) => Math.imul(index + 1, DRAW);
/** The least word that keeps an element. */
const leastWord = (threshold: number) => (threshold * 2 ** 24 - 2 ** 31) | 0;

/** Two numbers of 32 bits that seed and step determine: all that a program that computes its masks is given of them. */
export function keyOf({ seed, step }: Noise): Int32Array {
  const digest = createHash("sha256").update(`computed dropout ${seed} ${step}`).digest();
  return Int32Array.of(digest.readInt32LE(0), digest.readInt32LE(4));
}

/**
 * The mask that {@link computedMask} computes, 1 or 0 an element. From a counter (element, draw and key) three rounds of
 * x ← x (2x + 1), the permutation of RC6 (Rivest et al., 1998), whose high bits depend on all below them, each followed by adding
 * the high half to the low one, make a word; an element is kept if its word is large enough. No use for secrets.
 */
export function drawComputed(noise: Noise, { index, size, threshold }: MaskDraw): Uint8Array {
  const [first, second] = [...keyOf(noise)] as [number, number];
  const start = (drawWord(index) + first) | 0;
  const least = leastWord(threshold);
  const quadratic = (x: number) => Math.imul(x, (2 * x + 1) | 0);
  return Uint8Array.from({ length: size }, (_, element) => {
    let x = (elementWord(element) + start) | 0;
    for (const round of [second, ...ROUNDS]) {
      x = quadratic(x);
      x = (x + Math.trunc(x / 65536) + round) | 0;
    }
    return quadratic(x) >= least ? 1 : 0;
  });
}

/** A mask that a program computes by itself, bool: the same that {@link drawComputed} draws. Whole numbers wrap around. */
export function computedMask(graph: Graph, shape: readonly number[], threshold: number): Value {
  const { key, index } = graph.nextDraw();
  const scalar = (number: number) => graph.scalar("int32", number | 0);
  const part = (place: number) =>
    graph.node("Gather", [key, scalar(place)], { type: "int32", shape: [] }, { axis: 0 });
  const columns = shape.at(-1) ?? 1;
  const rows = columns === 0 ? 0 : shape.reduce((product, size) => product * size, 1) / columns;
  const words = (shape: readonly number[], length: number, word: (i: number) => number) =>
    graph.constant(
      "int32",
      shape,
      Array.from({ length }, (_, i) => word(i)),
    );
  // A word for each row and one for each column: no table has as many as the mask has elements.
  const starts = words([rows, 1], rows, (row) => (elementWord(row * columns) + drawWord(index)) | 0);
  const start = graph.node("Add", [starts, part(0)], { type: "int32", shape: [rows, 1] });
  const along = words([1, columns], columns, elementWord);
  const flat = { type: "int32", shape: [rows, columns] } as const;
  const op = (opType: string, ...inputs: Value[]) => graph.node(opType, inputs, flat);
  const quadratic = (x: Value) => op("Mul", x, op("Add", op("Add", x, x), scalar(1)));
  let x = op("Add", start, along);
  for (const round of [part(1), ...ROUNDS.map(scalar)]) {
    x = quadratic(x);
    x = op("Add", x, op("Add", op("Div", x, scalar(65536)), round));
  }
  const kept = graph.node("GreaterOrEqual", [quadratic(x), scalar(leastWord(threshold))], {
    ...flat,
    type: "bool",
  });
  return graph.reshape(kept, shape);
}
