import * as tf from "@tensorflow/tfjs";
import type { HostTensor } from "../../tensors";
import type { Graph, Value } from "../graph";
import { recordingGraph, tensorOf, valueOf } from "../recorder";

/** Whole numbers of 8 bits. */
export type ByteType = "int8" | "uint8";

/** What {@link unpackedInput} adds to each of the four numbers of a word: the last of them is the word's high byte, with its sign. */
const OFFSETS = { int8: [-128, -128, -128, 0], uint8: [0, 0, 0, 128] } as const;

/** The words that hold so many numbers. */
export const wordsOf = (shape: readonly number[]): number =>
  Math.ceil(shape.reduce((product, size) => product * size, 1) / 4);

/** Whole numbers of 8 bits as int32 [⌈n / 4⌉], four in a word, for a device that keeps none of 8 bits; see {@link unpackedInput}. */
export function packBytes({ dtype, shape, data }: HostTensor<ByteType>): HostTensor<"int32"> {
  const words = wordsOf(shape);
  const bytes = new Uint8Array(4 * words);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.length));
  const view = new Uint32Array(bytes.buffer);
  const signs = dtype === "int8" ? 0x00808080 : 0x80000000;
  for (let i = 0; i < words; i++) view[i]! ^= signs;
  return { dtype: "int32", shape: [words], data: new Int32Array(bytes.buffer) };
}

interface Packed {
  readonly word: Value;
  readonly dtype: ByteType;
  readonly shape: readonly number[];
}

const packed = new WeakMap<Value, Packed>();

/** The tensor of an input of 8 bits that a program is given by {@link packBytes}, as int32. */
export function unpackedInput(
  graph: Graph,
  name: string,
  dtype: ByteType,
  shape: readonly number[],
): tf.Tensor {
  const word = graph.input(name, { type: "int32", shape: [wordsOf(shape)] });
  return unpacked(graph, { word, dtype, shape });
}

/** An unpacked input once more, not before `other` is there, so that it is not kept until then; any other tensor as it is. */
export function unpackedAfter(x: tf.Tensor, other: tf.Tensor): tf.Tensor {
  const graph = recordingGraph();
  const from = graph && packed.get(valueOf(x));
  if (!from) return x;
  const first = tf.slice(tf.reshape(other, [-1]), 0, 1);
  const zero = valueOf(tf.cast(tf.greater(first, first), "int32"));
  return unpacked(graph, { ...from, word: graph.node("Add", [from.word, zero], from.word) });
}

/** By divisions, which WebGPU has of whole numbers, toward 0; operations on bits it leaves to the cpu. */
function unpacked(graph: Graph, from: Packed): tf.Tensor {
  const { dtype, shape } = from;
  const word = graph.reshape(from.word, [from.word.shape[0]!, 1]);
  const integer = (value: number) => graph.scalar("int32", value);
  const of = (opType: string, a: Value, b: Value) => graph.node(opType, [a, b], word);
  /** x = quotient · divisor + rest, for the sign that x has. */
  const divided = (x: Value, divisor: number) => {
    const quotient = of("Div", x, integer(divisor));
    return { quotient, rest: of("Sub", x, of("Mul", quotient, integer(divisor))) };
  };
  const top = divided(word, 2 ** 24);
  const less = graph.node("Less", [top.rest, integer(0)], { type: "bool", shape: word.shape });
  const negative = graph.cast(less, "int32");
  const high = divided(of("Add", top.rest, of("Mul", negative, integer(2 ** 24))), 2 ** 16);
  const { quotient: middle, rest: low } = divided(high.rest, 2 ** 8);
  const parts = [low, middle, high.quotient, of("Sub", top.quotient, negative)];
  const all = { type: "int32", shape: [word.shape[0]!, 4] } as const;
  const offsets = graph.constant("int32", [1, 4], OFFSETS[dtype]);
  const numbers = graph.node("Add", [graph.node("Concat", parts, all, { axis: 1 }), offsets], all);
  const count = shape.reduce((product, size) => product * size, 1);
  const whole = tensorOf(graph.reshape(numbers, [4 * word.shape[0]!]));
  const cut = whole.size === count ? whole : tf.cast(tf.slice(tf.cast(whole, "float32"), 0, count), "int32");
  const result = graph.reshape(valueOf(cut), shape);
  packed.set(result, from);
  return tensorOf(result);
}
