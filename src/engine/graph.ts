import { createHash } from "node:crypto";
import type { RecordedDevice } from "./devices";
import type { MaskDraw } from "./noise";
import {
  type Attribute,
  type Dimension,
  elementBytes,
  elementSize,
  type ElementType,
  type OnnxConstant,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
} from "./onnx";

/** What is known of a tensor before a graph runs. */
export interface TensorType {
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A tensor that a graph will hold when it runs. */
export interface Value extends TensorType {
  readonly name: string;
  /** The value that this one repeats along broadcast dimensions: an operation that broadcasts can take it instead. */
  readonly narrow?: Value;
  /** The number, where the value is a constant scalar. */
  readonly scalar?: number;
}

/** The input that a graph which computes its masks has. */
export const NOISE_KEY = "noise:key";

/**
 * A graph under construction. Equal operations on equal inputs are one, so are equal constants, and operations that
 * change nothing are none. Operations that no output needs are left out in the end.
 *
 * A dimension can stay open until the graph runs: it is given a marker size (a large prime, say) and a name in
 * `dimensions`; sizes that are multiples of markers are then computed when the graph runs, from values that have them.
 */
export class Graph {
  private readonly nodes: OnnxNode[] = [];
  private readonly producers = new Map<string, { node: OnnxNode; inputs: readonly Value[] }>();
  private readonly constants = new Map<string, { constant: OnnxConstant; value: Value }>();
  private readonly results = new Map<string, Value[]>();
  private readonly values: Value[] = [];
  private readonly inputs: Value[] = [];
  private readonly draws = new Map<string, MaskDraw>();
  private noiseKey: Value | undefined;
  private computedDraws = 0;
  private readonly markers: readonly (readonly [string, number])[];

  /** What the operations that are appended next come from; kept only in a traced graph. */
  place = "";
  private readonly places = new Map<string, string>();

  constructor(
    dimensions: Readonly<Record<string, number>> = {},
    /** Whether the graph remembers the place of every operation. */
    readonly traced = false,
    /** Where it will run: what operations say the same in, and which of them. */
    readonly device: RecordedDevice = "cpu",
    /** Whether it computes its dropout masks by itself, from a key, instead of being given them. */
    readonly computesMasks = false,
  ) {
    this.markers = Object.entries(dimensions);
  }

  /** A tensor that is given at every run. */
  input(name: string, { type, shape }: TensorType): Value {
    const value = { name, type, shape };
    this.inputs.push(value);
    this.values.push(value);
    return value;
  }

  /** A uint8 tensor that every run draws anew: 1 with probability 1 − threshold/256, else 0. */
  mask(shape: readonly number[], threshold: number): Value {
    const index = this.draws.size;
    const size = shape.reduce((product, length) => product * length, 1);
    this.draws.set(`mask:${index}`, { index, size, threshold });
    return this.input(`mask:${index}`, { type: "uint8", shape });
  }

  /** The position of a mask that the graph computes, and the key of the run that it is computed from, int32 [2]. */
  nextDraw(): { key: Value; index: number } {
    this.noiseKey ??= this.input(NOISE_KEY, { type: "int32", shape: [2] });
    return { key: this.noiseKey, index: this.computedDraws++ };
  }

  /** The inputs that {@link mask} made. */
  get masks(): ReadonlyMap<string, MaskDraw> {
    return this.draws;
  }

  /** A constant tensor of `data`, in row-major order. */
  constant(type: ElementType, shape: readonly number[], data: ArrayLike<number>): Value {
    const open = shape.find((size) => this.isOpen(size));
    if (open !== undefined) {
      throw new Error(
        `a constant of shape [${shape.map((size) => this.dimension(size)).join(", ")}] cannot depend on the open ` +
          `dimension ${this.dimension(open)}: compute it from an input, or with positions() and expand`,
      );
    }
    const bytes = elementBytes(type, data);
    const key = `${type} [${shape.join()}] ${createHash("sha256").update(bytes).digest("base64")}`;
    let known = this.constants.get(key);
    if (!known) {
      const name = `c${this.constants.size}`;
      const value: Value = { name, type, shape, ...(shape.length === 0 ? { scalar: data[0]! } : {}) };
      known = { constant: { name, type, shape, bytes }, value };
      this.constants.set(key, known);
    }
    return known.value;
  }

  scalar(type: ElementType, number: number): Value {
    return this.constant(type, [], [number]);
  }

  /** What stands for an input that an operation may do without. */
  readonly absent: Value = { name: "", type: "float32", shape: [] };

  /** The operation that `parts` are all the results of, in order, with its inputs. */
  origin(
    parts: readonly Value[],
  ): { opType: string; inputs: readonly Value[]; axis?: Attribute } | undefined {
    const producer = this.producers.get(parts[0]!.name);
    if (producer?.node.outputs.join() !== parts.map(({ name }) => name).join()) return undefined;
    const { opType, attributes } = producer.node;
    return { opType, inputs: producer.inputs, axis: attributes["axis"] };
  }

  /** One operation with one result; `domain` is `com.microsoft` for ONNX Runtime's own operations. */
  node(
    opType: string,
    inputs: readonly Value[],
    result: TensorType,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value {
    return this.manyResults(opType, inputs, [result], attributes, domain)[0]!;
  }

  /** One operation with several results. */
  manyResults(
    opType: string,
    inputs: readonly Value[],
    results: readonly TensorType[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value[] {
    const names = inputs.map(({ name }) => name);
    const key = JSON.stringify([opType, names, results.map(({ type, shape }) => [type, shape]), attributes]);
    const known = this.results.get(key);
    if (known) return known;
    const values = results.map(({ type, shape }, i): Value => {
      return { name: `v${this.nodes.length}${i === 0 ? "" : `_${i}`}`, type, shape };
    });
    const node: OnnxNode = {
      opType,
      domain,
      inputs: names,
      outputs: values.map(({ name }) => name),
      attributes,
    };
    this.nodes.push(node);
    this.values.push(...values);
    for (const { name } of values) this.producers.set(name, { node, inputs });
    if (this.traced) this.places.set(values[0]!.name, this.place);
    this.results.set(key, values);
    return values;
  }

  /** The logarithm of numbers above 0, which every device takes; that of others WebGPU may give any value. */
  logOfPositive(value: Value): Value {
    const log = this.node("Log", [value], value);
    this.producers.get(log.name)!.node.anywhere = true;
    return log;
  }

  /** `value` with another shape of the same size. */
  reshape(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    if (value.narrow?.scalar !== undefined) return this.expand(value.narrow, shape);
    const producer = this.producers.get(value.name);
    if (producer?.node.opType === "Reshape") return this.reshape(producer.inputs[0]!, shape);
    const { type } = value;
    const open = shape.filter((size) => this.isOpen(size)).length;
    const target =
      open === 1
        ? this.constant(
            "int64",
            [shape.length],
            shape.map((size) => (this.isOpen(size) ? -1 : size)),
          )
        : this.shape(shape);
    // In a target 0 would mean "as it was", and an open dimension may turn out to be 0.
    const mayHoldZero = shape.includes(0) || open > 1;
    return this.node("Reshape", [value, target], { type, shape }, mayHoldZero ? { allowzero: 1 } : {});
  }

  /** `value` repeated to `shape` by the rules of broadcasting. */
  expand(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    const narrow = value.narrow ?? value;
    const { type, scalar } = narrow;
    const result = { type, shape };
    const expanded =
      scalar === undefined
        ? this.node("Expand", [narrow, this.shape(shape)], result)
        : this.node("ConstantOfShape", [this.shape(shape)], result, { value: { type, scalar } });
    return { ...expanded, narrow };
  }

  cast(value: Value, type: ElementType): Value {
    if (value.type === type) return value;
    if (value.narrow) return this.expand(this.cast(value.narrow, type), value.shape);
    return this.node("Cast", [value], { type, shape: value.shape }, { to: { elementType: type } });
  }

  /** A list of dimensions as operations take it: an int64 tensor [rank]. */
  shape(shape: readonly number[]): Value {
    if (!shape.some((size) => this.isOpen(size))) return this.constant("int64", [shape.length], shape);
    const sizes = shape.map((size) => this.size(size));
    return this.node("Concat", sizes, { type: "int64", shape: [shape.length] }, { axis: 0 });
  }

  /** One dimension as an int64 tensor [1]. */
  size(size: number): Value {
    const one = { type: "int64", shape: [1] } as const;
    if (!this.isOpen(size)) return this.constant("int64", [1], [size]);
    const holder = this.values.find(({ shape }) => shape.includes(size));
    if (holder) {
      const axis = holder.shape.indexOf(size);
      return this.node("Shape", [holder], one, { start: axis, end: axis + 1 });
    }
    const marker = this.markers.find(([, marker]) => size % marker === 0)![1];
    return this.node("Mul", [this.size(marker), this.size(size / marker)], one);
  }

  /** Whether a size is known only when the graph runs. */
  isOpen(size: number): boolean {
    return size > 0 && this.markers.some(([, marker]) => size % marker === 0);
  }

  /** The model that computes `outputs` by their names, with the operations, constants and inputs that they need. */
  model(outputs: Readonly<Record<string, Value>>): OnnxModel {
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const [name, value] of Object.entries(outputs)) {
      if (this.producers.has(value.name) && !renamed.has(value.name)) renamed.set(value.name, name);
      else
        copies.push({
          opType: "Identity",
          domain: "",
          inputs: [value.name],
          outputs: [name],
          attributes: {},
        });
    }
    const needed = this.neededBy(outputs);
    const final = (name: string) => renamed.get(name) ?? name;
    const nodes = lastFirst(this.nodes.filter((node) => node.outputs.some((name) => needed.has(name))));
    return {
      nodes: [...nodes, ...copies].map((node) => {
        return { ...node, inputs: node.inputs.map(final), outputs: node.outputs.map(final) };
      }),
      constants: [...this.constants.values()]
        .map(({ constant }) => constant)
        .filter(({ name }) => needed.has(name)),
      inputs: this.inputs.filter(({ name }) => needed.has(name)).map((value) => this.open(value)),
      outputs: Object.entries(outputs).map(([name, value]) => this.open({ ...value, name })),
    };
  }

  /** How many bytes a value on the way to the results takes, by its name; 0 for inputs, constants and results. */
  sizeOf(outputs: Readonly<Record<string, Value>>): (name: string) => number {
    const given = new Set(Object.values(outputs).map(({ name }) => name));
    const bytes = new Map(
      this.values
        .filter(({ name }) => this.producers.has(name) && !given.has(name))
        .map(({ name, type, shape }) => [
          name,
          shape.reduce((product, size) => product * size, elementSize(type)),
        ]),
    );
    return (name) => bytes.get(name) ?? 0;
  }

  /**
   * For every float32 result that `outputs` need, in the order of computation, by what made it: a scalar that is 0 where all
   * elements are finite, else NaN (as ∞ · 0 is).
   */
  probes(outputs: Readonly<Record<string, Value>>): Record<string, Value> {
    const needed = this.neededBy(outputs);
    const probes: Record<string, Value> = {};
    for (const value of this.values.filter(({ name, type }) => type === "float32" && needed.has(name))) {
      const node = this.producers.get(value.name)?.node;
      if (!node) continue;
      const zeros = this.node("Mul", [value, this.scalar("float32", 0)], value);
      const probe = this.node("ReduceSum", [zeros], { type: "float32", shape: [] }, { keepdims: 0 });
      probes[`${value.name}: ONNX ${node.opType} of the kernel ${this.places.get(node.outputs[0]!)}`] = probe;
    }
    return probes;
  }

  private neededBy(outputs: Readonly<Record<string, Value>>): Set<string> {
    const needed = new Set(Object.values(outputs).map(({ name }) => name));
    for (const node of [...this.nodes].reverse()) {
      if (node.outputs.some((name) => needed.has(name))) node.inputs.forEach((name) => needed.add(name));
    }
    return needed;
  }

  private open({ name, type, shape }: Value): OnnxValue {
    return { name, type, shape: shape.map((size) => this.dimension(size)) };
  }

  /** A size, or the expression in dimension names that it stands for. */
  private dimension(size: number): Dimension {
    if (!this.isOpen(size)) return size;
    const [name, marker] = this.markers.find(([, marker]) => size % marker === 0)!;
    return size === marker ? name : `${name}*${this.dimension(size / marker)}`;
  }
}

/**
 * Operations whose results no other takes, moved to the end in reverse order. ONNX Runtime begins with the last of them and all
 * that it needs, then takes the one before. In a training step these make the gradients, recorded from the model's last layer to
 * its first; so each is now made when backpropagation reaches its layer, and what it was made from is freed, instead of kept
 * until the first layer's gradient is there.
 */
function lastFirst(nodes: readonly OnnxNode[]): OnnxNode[] {
  const taken = new Set(nodes.flatMap(({ inputs }) => inputs));
  const isTaken = ({ outputs }: OnnxNode) => outputs.some((name) => taken.has(name));
  return [...nodes.filter(isTaken), ...nodes.filter((node) => !isTaken(node)).reverse()];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
