/** The parameters that a notebook declares, and the cell that overrides them. */
import { basename } from "node:path";
import ts from "typescript";
import { type ParameterValue, parseParameter } from "../../src/notebook";
import { didYouMean } from "../../src/text";
import { hasTag, type CodeCell, type Notebook } from "./notebook";

/** The values by name in the notebook's cell tagged `parameters`: `const parameters = { NAME: value, … };`. */
export function declaredParameters(notebook: Notebook, path: string): Record<string, ParameterValue> {
  const cell = notebook.cells.find((one) => one.cell_type === "code" && hasTag(one, "parameters"));
  if (!cell) return {};
  const expected =
    "its cell tagged parameters must be `const parameters = { NAME: value, … };` with plain values";
  const file = ts.createSourceFile("cell.ts", cell.source, ts.ScriptTarget.Latest, true);
  const [statement, more] = file.statements;
  const declaration =
    statement && ts.isVariableStatement(statement) ? statement.declarationList.declarations[0] : undefined;
  const object = declaration?.initializer && unwrap(declaration.initializer);
  if (
    more ||
    declaration?.name.getText(file) !== "parameters" ||
    !object ||
    !ts.isObjectLiteralExpression(object)
  ) {
    throw new Error(`${path}: ${expected}`);
  }
  const entries = object.properties.map((property): [string, ParameterValue] => {
    const value = ts.isPropertyAssignment(property) ? literal(property.initializer) : undefined;
    if (value === undefined) throw new Error(`${path}: ${expected}, not ${property.getText(file)}`);
    return [property.name!.getText(file).replace(/^["']|["']$/g, ""), value];
  });
  return Object.fromEntries(entries);
}

/** What `as` or `satisfies` says something about. */
function unwrap(node: ts.Expression): ts.Expression {
  return ts.isAsExpression(node) || ts.isSatisfiesExpression(node) ? unwrap(node.expression) : node;
}

function literal(wrapped: ts.Expression): ParameterValue | undefined {
  const node = unwrap(wrapped);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken) {
    const value = literal(node.operand);
    return typeof value === "number" ? -value : undefined;
  }
  if (!ts.isArrayLiteralExpression(node)) return undefined;
  const items = node.elements.map(literal);
  const type = typeof items[0];
  const alike = items.every((item) => typeof item === type) && (type === "number" || type === "string");
  return alike || items.length === 0 ? (items as string[] | number[]) : undefined;
}

/**
 * Overrides as values of the types that the notebook declares.
 *
 * @param settings `NAME` and text of each override
 * @throws {Error} that names the notebook's parameters if one is unknown, or what a parameter takes
 */
export function readOverrides(
  declared: Record<string, ParameterValue>,
  settings: readonly (readonly [name: string, text: string])[],
  path: string,
): Record<string, ParameterValue> {
  const entries = settings.map(([name, text]) => {
    const value = declared[name];
    if (value === undefined || !Object.hasOwn(declared, name)) {
      const names = Object.keys(declared).join(", ") || "none";
      throw new Error(
        `${basename(path)} has no parameter ${name}; its parameters: ${names}.${didYouMean(name, Object.keys(declared))}`,
      );
    }
    return [name, parseParameter(name, text, value)];
  });
  return Object.fromEntries(entries) as Record<string, ParameterValue>;
}

/** Puts the cell with the overrides behind the cell tagged `parameters`, in place of one that is there. */
export function injectParameters(notebook: Notebook, values: Record<string, ParameterValue>): Notebook {
  const cells = notebook.cells.filter((one) => !hasTag(one, "injected-parameters"));
  if (Object.keys(values).length === 0) return { ...notebook, cells };
  const injected: CodeCell = {
    cell_type: "code",
    id: "injected-parameters",
    metadata: { tags: ["injected-parameters"] },
    source: `Object.assign(parameters, ${JSON.stringify(values, null, 2)});`,
    execution_count: null,
    outputs: [],
  };
  const at = cells.findIndex((one) => hasTag(one, "parameters")) + 1;
  return { ...notebook, cells: [...cells.slice(0, at), injected, ...cells.slice(at)] };
}
