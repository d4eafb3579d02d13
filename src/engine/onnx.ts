import * as protobuf from "protobufjs/light";

/**
 * The part of the ONNX file format that a recorded graph needs, as Protocol Buffers messages
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): for each message, `field: [number, type]`, where `*` marks
 * a repeated field and capitals another message of this table.
 */
const messages = {
  Model: {
    irVersion: [1, "int64"],
    producerName: [2, "string"],
    graph: [7, "Graph"],
    opsetImport: [8, "Opset*"],
    metadataProps: [14, "Entry*"],
  },
  Opset: { domain: [1, "string"], version: [2, "int64"] },
  Entry: { key: [1, "string"], value: [2, "string"] },
  Graph: {
    node: [1, "Node*"],
    name: [2, "string"],
    initializer: [5, "Tensor*"],
    input: [11, "ValueInfo*"],
    output: [12, "ValueInfo*"],
  },
  Node: {
    input: [1, "string*"],
    output: [2, "string*"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "Attribute*"],
    domain: [7, "string"],
  },
  Attribute: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    t: [5, "Tensor"],
    ints: [8, "int64*"],
    type: [20, "int32"],
  },
  Tensor: {
    dims: [1, "int64*"],
    dataType: [2, "int32"],
    name: [8, "string"],
    rawData: [9, "bytes"],
    externalData: [13, "Entry*"],
    dataLocation: [14, "int32"],
  },
  ValueInfo: { name: [1, "string"], type: [2, "Type"] },
  Type: { tensorType: [1, "TensorType"] },
  TensorType: { elemType: [1, "int32"], shape: [2, "Shape"] },
  Shape: { dim: [1, "Dim*"] },
  Dim: { dimValue: [1, "int64"], dimParam: [2, "string"] },
} as const satisfies Record<string, Record<string, readonly [number, string]>>;

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([message, fields]) => [
      message,
      {
        fields: Object.fromEntries(
          Object.entries<readonly [number, string]>(fields).map(([field, [id, type]]) => [
            field,
            type.endsWith("*") ? { id, type: type.slice(0, -1), rule: "repeated" } : { id, type },
          ]),
        ),
      },
    ]),
  ),
});
const [modelType, graphType, tensorType] = [
  root.lookupType("Model"),
  root.lookupType("Graph"),
  root.lookupType("Tensor"),
];
const { Model: modelFields, Graph: graphFields, Tensor: tensorFields } = messages;

/** ONNX element types by the names that onnxruntime uses, with their numbers in the file format. */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11 } as const;

const elementArrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  bool: Uint8Array,
  float64: Float64Array,
} as const;

const elementSizes = { float32: 4, uint8: 1, int8: 1, int32: 4, int64: 8, bool: 1, float64: 8 } as const;

/** The element type of a value in a graph. */
export type ElementType = keyof typeof elementTypes;

/** The bytes of one element. */
export const elementSize = (type: ElementType): number =>
  type === "int64" ? 8 : elementArrays[type].BYTES_PER_ELEMENT;

/** The bytes of `data` as elements of `type`, as the file format stores them (little-endian, like every machine here). */
export function elementBytes(type: ElementType, data: ArrayLike<number>): Uint8Array {
  const array = type === "int64" ? BigInt64Array.from(data, BigInt) : elementArrays[type].from(data);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * An attribute's value: a whole number is an `int`, `{ float }` a `float`, an array of whole numbers `ints`,
 * `{ elementType }` the number of a type, and a typed scalar a tensor of one element.
 */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly elementType: ElementType }
  | { readonly type: ElementType; readonly scalar: number };

/** A dimension: its size, or the name of a size that is known only when the program runs. */
export type Dimension = number | string;

/** One operation of a graph. */
export interface OnnxNode {
  opType: string;
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, Attribute>>;
  /** Whether every device computes it well for the numbers that it is given here. */
  anywhere?: boolean;
}

/** A named tensor that a graph takes or gives. */
export interface OnnxValue {
  name: string;
  type: ElementType;
  shape: readonly Dimension[];
}

/** Where a constant's bytes lie outside the model: a file in the folder that the session is told, from `offset` on. */
export interface External {
  location: string;
  offset: number;
  length: number;
}

/** A constant with its little-endian bytes, here (they may be read when they are asked for) or elsewhere. */
export interface OnnxConstant extends OnnxValue {
  shape: readonly number[];
  readonly bytes?: Uint8Array;
  external?: External;
}

/** How many bytes a constant has. */
export const constantBytes = ({ type, shape }: Pick<OnnxConstant, "type" | "shape">): number =>
  shape.reduce((size, length) => size * length, elementSizes[type]);

/** Everything that a model file says. Nodes are in an order in which each follows those whose outputs it reads. */
export interface OnnxModel {
  nodes: readonly OnnxNode[];
  constants: readonly OnnxConstant[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}

/** The ONNX operator set that recorded graphs use (Gelu since 20), beside ONNX Runtime's own `com.microsoft`. */
export const OPSET = 21;
const IR_VERSION = 10;

/** What a node is called in the file. */
export const nodeName = ({ opType, outputs }: OnnxNode): string => `${opType}:${outputs[0]}`;

/** The bytes of an ONNX model file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return Buffer.concat([...modelPieces(model)]);
}

/**
 * The bytes of an ONNX model file, piece by piece: each constant's bytes are asked for once, when it is their turn, so that no
 * two are needed at a time.
 */
export function* modelPieces({
  nodes,
  constants,
  inputs,
  outputs,
}: OnnxModel): Generator<Uint8Array, void, undefined> {
  yield encode(modelType, {
    irVersion: IR_VERSION,
    producerName: "persona-dialogue-notebooks",
    opsetImport: [
      { domain: "", version: OPSET },
      { domain: "com.microsoft", version: 1 },
    ],
  });
  const graph = encode(graphType, {
    name: "recorded",
    node: nodes.map((node) => ({
      name: nodeName(node),
      opType: node.opType,
      domain: node.domain,
      input: node.inputs,
      output: node.outputs,
      attribute: Object.entries(node.attributes).map(encodeAttribute),
    })),
    input: inputs.map(encodeValue),
    output: outputs.map(encodeValue),
  });
  const initializers = constants.map((constant) => {
    const { name, type, shape, external } = constant;
    const bytes = external ? 0 : constantBytes(constant);
    const head = encode(tensorType, {
      name,
      dims: shape,
      dataType: elementTypes[type],
      ...(external && { dataLocation: 1, externalData: externalData(external) }),
    });
    const tensor = external ? [head] : [head, prefix(tensorFields.rawData, bytes)];
    const size = lengthOf(tensor) + bytes;
    return { constant, bytes, start: [prefix(graphFields.initializer, size), ...tensor] };
  });
  const size = initializers.reduce((sum, { start, bytes }) => sum + lengthOf(start) + bytes, graph.length);
  yield prefix(modelFields.graph, size);
  yield graph;
  for (const { constant, bytes, start } of initializers) {
    yield* start;
    if (constant.external) continue;
    const data = constant.bytes;
    if (data?.length !== bytes)
      throw new Error(
        `the constant ${constant.name} has ${data?.length ?? 0} bytes where ${bytes} are needed`,
      );
    yield data;
  }
}

const lengthOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, { length }) => sum + length, 0);

/** A message without a wrapper around it. */
const encode = (type: protobuf.Type, message: object) => type.encode(type.fromObject(message)).finish();

/** What stands before a message or bytes of `length` in a field of Protocol Buffers: the field's number, its kind and the length. */
const prefix = ([number]: readonly [number, string], length: number): Uint8Array =>
  protobuf.Writer.create()
    .uint32((number << 3) | 2)
    .uint64(length)
    .finish();

const externalData = (external: External) =>
  Object.entries(external).map(([key, value]) => ({ key, value: String(value) }));

function encodeValue({ name, type, shape }: OnnxValue): object {
  const dim = shape.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}

function encodeAttribute([name, value]: [string, Attribute]): object {
  if (typeof value === "number") return { name, type: 2, i: value };
  if (typeof value === "string") return { name, type: 3, s: Buffer.from(value) };
  if ("float" in value) return { name, type: 1, f: value.float };
  if ("elementType" in value) return { name, type: 2, i: elementTypes[value.elementType] };
  if ("scalar" in value) {
    const { type, scalar } = value;
    return {
      name,
      type: 4,
      t: { dims: [1], dataType: elementTypes[type], rawData: elementBytes(type, [scalar]) },
    };
  }
  return { name, type: 7, ints: [...value] };
}
