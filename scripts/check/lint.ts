/** What tslab cannot run, or runs differently from what the text says. */
import ts from "typescript";
import type { CellsModule } from "./cells";

export interface Finding {
  cell: number;
  /** 1-based line of the cell. */
  line: number;
  message: string;
}

/** Looks through the cells of a notebook for constructs that a cell must not hold. */
export function lintCells({ cells }: CellsModule, name: string): Finding[] {
  return cells.flatMap(({ number, source }) => {
    const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, true);
    const findings: Finding[] = [];
    const report = (node: ts.Node, message: string) => {
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
      findings.push({ cell: number, line, message });
    };
    const visit = (node: ts.Node): void => {
      if (
        node.kind === ts.SyntaxKind.ExportKeyword ||
        ts.isExportDeclaration(node) ||
        ts.isExportAssignment(node)
      ) {
        report(node, "a cell cannot `export`; later cells see its top-level names without it");
      }
      if (
        ts.isVariableDeclarationList(node) &&
        (node.flags & ts.NodeFlags.Using) !== 0 // `await using` has its bit too
      ) {
        report(
          node,
          "`using` is not known to the kernel's TypeScript 5.0; close the resource in a `finally`",
        );
      }
      if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
        const from = node.moduleSpecifier.text;
        if (from.startsWith(".") && from !== "./src/index") {
          report(
            node,
            `import from "./src/index", not from "${from}"; cells run in the project's root folder`,
          );
        }
      }
      if (ts.isCallExpression(node) && node.expression.getText(file) === "startRun") {
        const [first] = node.arguments;
        if (!first || !ts.isStringLiteralLike(first) || first.text !== name) {
          report(node, `startRun must be given the notebook's own name, "${name}"`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return findings;
  });
}
