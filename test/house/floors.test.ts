import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { floors, importedFile, importFault } from "../../scripts/check/floors.mjs";

const root = resolve(__dirname, "../..");

interface Import {
  readonly file: string;
  readonly line: number;
  readonly target: string;
  /** Types alone: nothing is loaded. */
  readonly typeOnly: boolean;
}

/** The imports of a file that name a file of this project. */
function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((node) => {
    if (!(ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) || !node.moduleSpecifier) return [];
    const name = (node.moduleSpecifier as ts.StringLiteral).text;
    if (!name.startsWith(".")) return [];
    const target = importedFile(file, name);
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const typeOnly = ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : node.isTypeOnly;
    return [{ file, line, target, typeOnly }];
  });
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesIn(path);
    return path.endsWith(".ts") ? [path] : [];
  });
const sources = filesIn(join(root, "src"));
const shown = ({ file, line, target }: Import) =>
  `${relative(root, file)}, line ${line}, imports ${relative(root, target)}`;
/** The imports that break a rule of the house, each with the rule. */
const faults = (imports: readonly Import[]) =>
  imports.flatMap((one) => {
    const fault = importFault(one.file, one.target);
    return fault === undefined ? [] : [`${shown(one)}: ${fault}`];
  });

const imports = sources.flatMap(importsOf);

test("every folder of src has a floor", () => {
  const folders = readdirSync(join(root, "src")).filter((name) => !name.endsWith(".ts"));
  assert.deepEqual([...folders].sort(), [...floors].sort());
});

test("docs/architecture.md draws the floors in their order", () => {
  const table = readFileSync(join(root, "docs/architecture.md"), "utf8").split("## ")[0]!;
  const cells = Array.from(table.matchAll(/^\| [a-z ,]+ \| (`.*`) +\|/gm), (row) => row[1]!);
  assert.deepEqual(
    cells.flatMap((cell) => cell.replaceAll("`", "").split(", ")),
    floors,
  );
});

test("a folder imports from lower floors, through their index", () => {
  assert.ok(imports.length > 500);
  assert.deepEqual(faults(imports), []);
});

test("a test imports the files that it tests", () => {
  const imports = filesIn(join(root, "test")).flatMap(importsOf);
  assert.ok(imports.length > 500);
  assert.deepEqual(faults(imports), []);
});

test("each import that breaks a rule is told which one", () => {
  const fault = (file: string, target: string) => importFault(join(root, file), join(root, target));
  const allowed = [
    ["src/training/policies/lora.ts", "src/models/lora/index.ts"],
    ["src/training/loop.ts", "src/training/policies/lora.ts"],
    ["src/index.ts", "src/report/index.ts"],
    ["test/report/report.test.ts", "src/report/report.ts"],
    ["test/report/report.test.ts", "test/report/index.ts"],
    ["scripts/report.ts", "src/index.ts"],
  ] as const;
  for (const [file, target] of allowed) assert.equal(fault(file, target), undefined, `${file} → ${target}`);
  const broken = [
    ["src/engine/recorder.ts", "src/models/index.ts", "models is no lower floor than engine"],
    ["src/tensors/half.ts", "src/engine/index.ts", "engine is no lower floor than tensors"],
    ["src/engine/kernels/matmul.ts", "src/index.ts", "a folder of src imports no file above it"],
    ["src/report/pages.ts", "src/io/csv.ts", "io is imported through its index, or that of a folder in it"],
    ["src/index.ts", "scripts/report.ts", "src imports nothing that lies beside it"],
    ["src/io/csv.ts", "test/reference.ts", "src imports nothing that lies beside it"],
    ["test/io/csv.test.ts", "src/io/index.ts", "a test imports the files that it tests"],
  ] as const;
  for (const [file, target, rule] of broken) assert.equal(fault(file, target), rule, `${file} → ${target}`);
});

test("no files need one another in a circle", () => {
  const loads = new Map<string, Import[]>();
  for (const one of imports) if (!one.typeOnly) loads.set(one.file, [...(loads.get(one.file) ?? []), one]);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly Import[]): void => {
    const at = path.findIndex((one) => one.file === file);
    if (at >= 0) circles.push(path.slice(at).map(shown).join("\n"));
    if (at >= 0 || done.has(file)) return;
    for (const one of loads.get(file) ?? []) visit(one.target, [...path, one]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.deepEqual(circles, []);
});
