import type { OnnxModel, OnnxNode } from "./onnx";

/** Operations whose result is the memory of their first input, seen otherwise. */
const VIEWS = new Set(["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);
/** Operations that write over an input that nothing else needs. */
const IN_PLACE = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Exp",
  "Log",
  "Sqrt",
  "Tanh",
  "Sigmoid",
  "Softmax",
]);

/**
 * The most bytes that the values between a model's inputs and its results take at one time, while it runs as ONNX Runtime runs it
 * here: without an arena, each operation when something asks for its result, each value freed after its last use. What an
 * operation needs for itself is not counted.
 *
 * @param bytesOf the size of a value by its name; 0 for inputs, constants and results
 */
export function peakBytes(model: OnnxModel, bytesOf: (name: string) => number): number {
  const order = inOrder(model.nodes);
  const owners = new Map<string, string>();
  const owner = (name: string) => owners.get(name) ?? name;
  for (const { opType, inputs, outputs } of order)
    if (VIEWS.has(opType)) owners.set(outputs[0]!, owner(inputs[0]!));
  const lastUse = new Map<string, number>();
  order.forEach(({ inputs, outputs }, at) => {
    for (const name of [...inputs, ...outputs]) lastUse.set(owner(name), at);
  });
  let [live, peak] = [0, 0];
  order.forEach(({ opType, inputs, outputs }, at) => {
    const ending = [...new Set([...inputs, ...outputs].map(owner))].filter(
      (name) => lastUse.get(name) === at,
    );
    const made = VIEWS.has(opType) ? 0 : outputs.reduce((sum, name) => sum + bytesOf(name), 0);
    const reused = IN_PLACE.has(opType) && ending.some((name) => made > 0 && bytesOf(name) === made);
    peak = Math.max(peak, live + (reused ? 0 : made));
    live += made - ending.reduce((sum, name) => sum + bytesOf(name), 0);
  });
  return peak;
}

/** Operations in ONNX Runtime's order: the last one whose result no other takes, after all that it needs; then the one before. */
function inOrder(nodes: readonly OnnxNode[]): OnnxNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const taken = new Set(nodes.flatMap(({ inputs }) => inputs));
  const order: OnnxNode[] = [];
  const [entered, done] = [new Set<OnnxNode>(), new Set<OnnxNode>()];
  const stack = nodes.filter(({ outputs }) => !outputs.some((name) => taken.has(name)));
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    if (!entered.has(node)) {
      entered.add(node);
      const needed = node.inputs.flatMap((name) => makers.get(name) ?? []);
      stack.push(...needed.filter((one) => !entered.has(one)));
      continue;
    }
    stack.pop();
    if (done.has(node)) continue;
    done.add(node);
    order.push(node);
  }
  return order;
}
