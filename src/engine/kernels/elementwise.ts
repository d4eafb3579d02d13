import { backend_util, type DataType } from "@tensorflow/tfjs";
import type { Graph, Value } from "../graph";
import type { ElementType } from "../onnx";
import { type Kernel, registerKernels } from "../recorder";

const shapeOfBoth = (a: Value, b: Value) =>
  backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);

/** Takes operands unexpanded as long as the result keeps its shape. */
export function narrowed(a: Value, b: Value): [Value, Value] {
  const shape = shapeOfBoth(a, b).join();
  if (b.narrow && shapeOfBoth(a, b.narrow).join() === shape) b = b.narrow;
  if (a.narrow && shapeOfBoth(a.narrow, b).join() === shape) a = a.narrow;
  return [a, b];
}

const binary =
  (opType: string, type?: ElementType): Kernel =>
  (graph, { a, b }) => {
    const shape = shapeOfBoth(a!, b!);
    return graph.node(opType, narrowed(a!, b!), { type: type ?? a!.type, shape });
  };

/** A binary operation that leaves `a` as it is when `b` is the constant `neutral`. */
const withNeutral =
  (opType: string, neutral: number, commutes: boolean): Kernel =>
  (graph, { a, b }) => {
    const shape = shapeOfBoth(a!, b!);
    const isNeutral = (value: Value) => (value.narrow ?? value).scalar === neutral;
    if (isNeutral(b!)) return graph.expand(a!, shape);
    if (commutes && isNeutral(a!)) return graph.expand(b!, shape);
    return graph.node(opType, narrowed(a!, b!), { type: a!.type, shape });
  };

/** Comparisons of bools are comparisons of 0 and 1, as ONNX orders no bools. */
const comparison =
  (opType: string): Kernel =>
  (graph, { a, b }) => {
    const asNumber = (value: Value) => (value.type === "bool" ? graph.cast(value, "int32") : value);
    return binary(opType, "bool")(graph, { a: asNumber(a!), b: asNumber(b!) }, {});
  };

const unary =
  (opType: string, type?: ElementType): Kernel =>
  (graph, { x }) =>
    graph.node(opType, [x!], { type: type ?? x!.type, shape: x!.shape });

const like = (x: Value, graph: Graph, opType: string, ...inputs: Value[]) => graph.node(opType, inputs, x);

registerKernels({
  Add: withNeutral("Add", 0, true),
  Sub: withNeutral("Sub", 0, false),
  Multiply: withNeutral("Mul", 1, true),
  RealDiv: withNeutral("Div", 1, false),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Pow: binary("Pow"),
  SquaredDifference: (graph, { a, b }) => {
    const difference = binary("Sub")(graph, { a: a!, b: b! }, {}) as Value;
    return like(difference, graph, "Mul", difference, difference);
  },
  /** ONNX divides whole numbers toward zero, TensorFlow.js toward −∞. */
  FloorDiv: (graph, { a, b }) => {
    const operands = { a: graph.cast(a!, "float64"), b: graph.cast(b!, "float64") };
    const quotient = binary("Div")(graph, operands, {}) as Value;
    return graph.cast(like(quotient, graph, "Floor", quotient), "int32");
  },
  AddN: (graph, inputs) => {
    const values = Object.values(inputs);
    if (values.length === 1) return values[0]!;
    // WebGPU has no Sum, and would leave it to the cpu.
    if (graph.device === "webgpu") return values.reduce((sum, value) => like(sum, graph, "Add", sum, value));
    return graph.node("Sum", values, values[0]!);
  },

  Equal: comparison("Equal"),
  NotEqual: (graph, inputs) =>
    unary("Not")(graph, { x: comparison("Equal")(graph, inputs, {}) as Value }, {}),
  Greater: comparison("Greater"),
  GreaterEqual: comparison("GreaterOrEqual"),
  Less: comparison("Less"),
  LessEqual: comparison("LessOrEqual"),
  LogicalAnd: binary("And"),
  LogicalOr: binary("Or"),
  LogicalNot: unary("Not"),
  IsNan: unary("IsNaN", "bool"),
  IsInf: unary("IsInf", "bool"),
  IsFinite: (graph, { x }) => {
    const bad = graph.node(
      "Or",
      [
        unary("IsNaN", "bool")(graph, { x: x! }, {}) as Value,
        unary("IsInf", "bool")(graph, { x: x! }, {}) as Value,
      ],
      { type: "bool", shape: x!.shape },
    );
    return like(bad, graph, "Not", bad);
  },

  Abs: unary("Abs"),
  Ceil: unary("Ceil"),
  Cos: unary("Cos"),
  Erf: unary("Erf"),
  Exp: unary("Exp"),
  Floor: unary("Floor"),
  Log: unary("Log"),
  Neg: unary("Neg"),
  Reciprocal: unary("Reciprocal"),
  Relu: unary("Relu"),
  Round: unary("Round"),
  Sigmoid: unary("Sigmoid"),
  Sign: unary("Sign"),
  Sin: unary("Sin"),
  Softplus: unary("Softplus"),
  Sqrt: unary("Sqrt"),
  Tanh: unary("Tanh"),
  Rsqrt: (graph, { x }) => like(x!, graph, "Reciprocal", like(x!, graph, "Sqrt", x!)),
  Square: (graph, { x }) => like(x!, graph, "Mul", x!, x!),
  Step: (graph, { x }, { alpha }) => {
    const positive = graph.node("Greater", [x!, graph.scalar(x!.type, 0)], { type: "bool", shape: x!.shape });
    if (!alpha) return graph.cast(positive, x!.type);
    return like(
      x!,
      graph,
      "Where",
      positive,
      graph.scalar(x!.type, 1),
      graph.scalar(x!.type, alpha as number),
    );
  },
  ClipByValue: (graph, { x }, { clipValueMin, clipValueMax }) =>
    like(
      x!,
      graph,
      "Clip",
      x!,
      graph.scalar(x!.type, clipValueMin as number),
      graph.scalar(x!.type, clipValueMax as number),
    ),

  Identity: (_graph, { x }) => x!,
  Cast: (graph, { x }, { dtype }) => {
    const to = dtype as DataType;
    if (to !== "float32" && to !== "int32" && to !== "bool")
      throw new Error(`cast to ${to} cannot be recorded`);
    return graph.cast(x!, to);
  },
  Select: (graph, { condition, t, e }) => {
    const { shape } = t!;
    const rows = condition!.shape.length < shape.length;
    const aligned = rows
      ? graph.reshape(condition!, [...condition!.shape, ...shape.slice(condition!.shape.length).map(() => 1)])
      : condition!;
    const choose = (value: Value) => value.narrow ?? value;
    const broadcast = [t!, e!]
      .map(choose)
      .reduce(
        (all, { shape }) => backend_util.assertAndGetBroadcastShape(all, [...shape]),
        [...aligned.shape],
      );
    const [yes, no] = broadcast.join() === shape.join() ? [choose(t!), choose(e!)] : [t!, e!];
    return graph.node("Where", [aligned, yes!, no!], { type: t!.type, shape });
  },
});
