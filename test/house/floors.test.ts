import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import ts from "typescript";

const root = resolve(__dirname, "../..");

/** The folders of src from the ground up: each imports from those before it. `docs/architecture.md` draws them. */
const floors = [
  ...["random", "text", "io", "display", "hub"],
  ...["figures", "paper"],
  ...["tensors", "engine"],
  ...["corpus", "sql", "metrics", "prompts", "retrieval", "statistics"],
  ...["models"],
  ...["generation", "training", "pretraining", "export"],
  ...["settings", "evaluation", "baselines", "notebook"],
  ...["experiments", "analysis"],
  ...["grid", "report"],
];

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
    const path = resolve(dirname(file), name);
    const target = existsSync(`${path}.ts`) ? `${path}.ts` : join(path, "index.ts");
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
const inSrc = (path: string) => relative(join(root, "src"), path).split(sep);
const shown = ({ file, line, target }: Import) =>
  `${relative(root, file)}, line ${line}, imports ${relative(root, target)}`;

const imports = sources.flatMap(importsOf);
const between = imports.filter(
  ({ file, target }) => inSrc(file).length > 1 && inSrc(file)[0] !== inSrc(target)[0],
);

test("every folder of src has a floor", () => {
  const folders = readdirSync(join(root, "src")).filter((name) => !name.endsWith(".ts"));
  assert.deepEqual([...folders].sort(), [...floors].sort());
  assert.ok(between.length > 100);
});

test("a folder imports from lower floors only", () => {
  const floor = (path: string) => floors.indexOf(inSrc(path)[0]!);
  const upwards = between.filter(({ file, target }) => floor(target) >= floor(file));
  assert.deepEqual(upwards.map(shown), []);
});

test("a folder is imported through its index, or that of a folder in it", () => {
  const past = between.filter(({ target }) => !target.endsWith(`${sep}index.ts`));
  assert.deepEqual(past.map(shown), []);
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

test("a test imports the files that it tests", () => {
  const whole = filesIn(join(root, "test"))
    .flatMap(importsOf)
    .filter(({ target }) => !inSrc(target)[0]!.startsWith("..") && target.endsWith(`${sep}index.ts`));
  assert.deepEqual(whole.map(shown), []);
});
