/**
 * tslab's compiler with six of its habits changed. tslab has no options for them, so it is given a TypeScript whose
 * functions differ in these points (its own copy, from its own package, stays as it is):
 *
 * - Files of the project are not compiled and checked again with every cell (which takes longer the larger src grows,
 *   and fails where TypeScript 5.0 cannot read a package's types), nor what they import looked up again. Cells see their
 *   types; at run time tsx loads them; `npm run check` checks them strictly.
 * - Types are resolved as bundlers do it, so that packages with `exports` are typed.
 * - Files are not watched: types stay those of the modules that the kernel has loaded. Restart it after an edit.
 * - A top-level `let` that a function captures lives in the notebook's scope: a later cell's assignment reaches the
 *   function, where tslab gave each cell its own copy.
 * - An inspection also finds the call that the cursor is in.
 * - Source maps are kept, so that an error names the line of its cell.
 *
 * And two are mended around it: `{ x }` with an `x` of an earlier cell, and a cell whose only await is a `for await`.
 */
import { createRequire, SourceMap, type SourceMapPayload } from "node:module";
import { join } from "node:path";
import type { Converter, ConvertResult } from "tslab/dist/converter";
import type * as TypeScript from "@tslab/typescript-for-tslab";
import { findDocumented } from "./documentation";

type Ts = typeof TypeScript;
type Converters = typeof import("tslab/dist/converter");

/** What is wrong with a cell: zero-based position in the cell's text. */
export interface CellDiagnostic {
  offset: number;
  message: string;
  code: number;
  /** The project's file, if it is not the cell itself. */
  file: string | undefined;
}

/** Finds the place in a cell that a place in its compiled text came from; both zero-based. */
export type PlaceInCell = (line: number, column: number) => { line: number; column: number } | undefined;

export interface Compiler {
  /** For tslab's executor. */
  converter: Converter;
  /** The name that the next compiled cell has in stack traces. */
  nextName: string;
  /** What the last `convert` found; empty if the cell compiled. */
  diagnostics: CellDiagnostic[];
  /** By cell name, how to get from compiled places to those of the cell. */
  places: Map<string, PlaceInCell>;
}

/** Makes tslab's compiler for cells of the working directory. Must be called before anything else loads tslab. */
export function createCompiler(): Compiler {
  const require = createRequire(__filename);
  const ts = require("@tslab/typescript-for-tslab") as Ts;
  let maps: string[] = [];
  const compilerOptions: TypeScript.CompilerOptions = {
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    inlineSourceMap: true,
    types: ["node", join(__dirname, "globals")],
  };
  let program: TypeScript.Program | undefined;
  const unwatched = { close: () => {} };
  const adapted: Ts = {
    ...ts,
    sys: { ...ts.sys, watchFile: () => unwatched, watchDirectory: () => unwatched },
    createWatchCompilerHost: ((
      files: string[],
      options: TypeScript.CompilerOptions,
      system: TypeScript.System,
      _createProgram: unknown,
      ...rest: unknown[]
    ) => {
      const create = ts.createWatchCompilerHost as unknown as (...args: unknown[]) => BuilderHost;
      return withoutDependencies(
        create(files, { ...options, ...compilerOptions }, system, ts.createAbstractBuilder, ...rest),
        ts as Ts & Binder,
        (made) => (program = made),
      );
    }) as unknown as Ts["createWatchCompilerHost"],
    // What tslab looks up for an inspection; it hands on what it is given.
    getQuickInfoAtPosition: ((...[file, , token, position]: Parameters<Ts["getQuickInfoAtPosition"]>) =>
      findDocumented(ts, program!, file, token, position)) as unknown as Ts["getQuickInfoAtPosition"],
    transpileModule: (input, options) => {
      const { text, map } = takeMap(input);
      const output = ts.transpileModule(liftCapturedLets(ts, text), {
        ...options,
        compilerOptions: { ...options.compilerOptions, sourceMap: true },
      });
      maps = [map ?? "", output.sourceMapText ?? ""];
      return { ...output, outputText: takeMap(output.outputText).text };
    },
  };
  require.cache[require.resolve("@tslab/typescript-for-tslab")]!.exports = adapted;
  const { createConverter } = require("tslab/dist/converter") as Converters;
  const tslab = createConverter({ isJS: false, isBrowser: false });
  const places = new Map<string, PlaceInCell>();
  const compiler: Compiler = {
    nextName: "cell",
    diagnostics: [],
    places,
    converter: {
      ...tslab,
      convert: (previous, source) => {
        const { text, toSource } = expandShorthand(ts, source);
        const result = tslab.convert(previous, text);
        compiler.diagnostics = result.diagnostics.map((found) => ({
          offset: found.fileName === undefined ? toSource(found.start.offset) : found.start.offset,
          message: found.messageText,
          code: found.code,
          file: found.fileName,
        }));
        if (result.output === undefined) return result;
        const name = compiler.nextName;
        places.set(name, placeFinder(maps));
        const named: ConvertResult = { ...result, output: `${result.output}\n//# sourceURL=${name}` };
        return result.hasToplevelAwait || !hasTopLevelForAwait(ts, text)
          ? named
          : { ...named, hasToplevelAwait: true };
      },
    },
  };
  return compiler;
}

interface BuilderHost {
  afterProgramCreate?: (program: TypeScript.BuilderProgram) => void;
}

/** Of TypeScript's own functions. */
interface Binder {
  bindSourceFile(file: TypeScript.SourceFile, options: TypeScript.CompilerOptions): void;
}

/** What TypeScript notes at a file that it has read: by the text of each import the file that was found, if one was. */
interface Resolved {
  readonly resolvedModules?: {
    forEach(visit: (found: { readonly resolvedModule?: { readonly resolvedFileName: string } }) => void): void;
  };
}

/**
 * Tells tslab that a cell depends on nothing to compile but in-memory modules (`/** @module name *\/`). The program's builder, an
 * abstract one, does not know what files import: to find that out for all files again takes longer than to check the cell.
 */
function withoutDependencies(
  host: BuilderHost,
  ts: Ts & Binder,
  onProgram: (program: TypeScript.Program) => void,
): BuilderHost {
  let listener = host.afterProgramCreate;
  return Object.defineProperty(host, "afterProgramCreate", {
    get: () => listener,
    set: (next: (program: TypeScript.BuilderProgram) => void) => {
      listener = (builder) => {
        const program = builder.getProgram();
        onProgram(program);
        // tslab reads the names that a cell declares before anything asks for types.
        for (const name of program.getRootFileNames())
          ts.bindSourceFile(program.getSourceFile(name)!, program.getCompilerOptions());
        const own: Pick<TypeScript.BuilderProgram, "getAllDependencies"> = {
          getAllDependencies: (file) => [...inMemory(ts, program, file)],
        };
        next(Object.assign(Object.create(builder) as TypeScript.BuilderProgram, own));
      };
    },
  });
}

/** The file and those which it imports, directly or through one another, that are in memory only. */
function inMemory(
  ts: Ts,
  program: TypeScript.Program,
  file: TypeScript.SourceFile & Resolved,
  found = new Set<string>(),
): Set<string> {
  found.add(file.fileName);
  file.resolvedModules?.forEach(({ resolvedModule }) => {
    const path = resolvedModule?.resolvedFileName;
    if (path === undefined || found.has(path) || ts.sys.fileExists(path)) return;
    const imported = program.getSourceFile(path);
    if (imported) inMemory(ts, program, imported, found);
  });
  return found;
}

const mapComment = /\n?\/\/# sourceMappingURL=(?:data:application\/json;[^,]*base64,([\w+/=]*)|\S*)\s*$/;

function takeMap(code: string): { text: string; map: string | undefined } {
  const found = mapComment.exec(code);
  if (!found) return { text: code, map: undefined };
  const map = found[1] === undefined ? undefined : Buffer.from(found[1], "base64").toString("utf8");
  return { text: code.slice(0, found.index), map };
}

/** Follows the maps from the last compilation back to the first. */
function placeFinder(maps: readonly string[]): PlaceInCell {
  const chain = maps.map((map) => new SourceMap(JSON.parse(map) as SourceMapPayload)).reverse();
  return (line, column) => {
    let place = { line, column };
    for (const map of chain) {
      const entry = map.findEntry(place.line, place.column);
      if (!("originalLine" in entry)) return undefined;
      place = { line: entry.originalLine, column: entry.originalColumn };
    }
    return { line: place.line - 1, column: place.column }; // tslab puts `export {};` on a line before the cell
  };
}

/**
 * Writes `export let` where a top-level `let` or `var` is used inside a function: TypeScript then keeps the variable in
 * `exports`, where tslab's later cells read and write it.
 */
function liftCapturedLets(ts: Ts, code: string): string {
  const file = ts.createSourceFile("cell.js", code, ts.ScriptTarget.Latest, true);
  const captured = new Set<string>();
  const visit = (node: TypeScript.Node, inFunction: boolean): void => {
    if (inFunction && ts.isIdentifier(node)) captured.add(node.text);
    const inside = inFunction || ts.isFunctionLike(node) || ts.isClassLike(node);
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(file, false);
  const lifted = new Set<string>();
  const edits: [at: number, until: number, text: string][] = [];
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement) || statement.declarationList.flags & ts.NodeFlags.Const) continue;
    const names = statement.declarationList.declarations.flatMap(({ name }) => namesIn(ts, name));
    if (!names.some((name) => captured.has(name))) continue;
    names.forEach((name) => lifted.add(name));
    edits.push([statement.getStart(file), statement.getStart(file), "export "]);
  }
  for (const statement of file.statements) {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause) continue;
    if (!ts.isNamedExports(statement.exportClause)) continue;
    const kept = statement.exportClause.elements
      .map(({ name }) => name.text)
      .filter((name) => !lifted.has(name));
    edits.push([statement.getStart(file), statement.end, `export { ${kept.join(", ")} };`]);
  }
  return lifted.size === 0 ? code : edit(code, edits);
}

function namesIn(ts: Ts, name: TypeScript.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesIn(ts, element.name) : []));
}

/** `{ x }` as `{ x: x }`, which tslab can point at an earlier cell's `x`; with the way back to the cell's offsets. */
function expandShorthand(ts: Ts, source: string): { text: string; toSource: (offset: number) => number } {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, false);
  const edits: [at: number, until: number, text: string][] = [];
  const visit = (node: TypeScript.Node): void => {
    if (ts.isShorthandPropertyAssignment(node))
      edits.push([node.name.end, node.name.end, `: ${node.name.text}`]);
    ts.forEachChild(node, visit);
  };
  visit(file);
  const toSource = (offset: number) => {
    let shift = 0;
    for (const [at, , { length }] of edits) {
      if (offset >= at + shift + length) shift += length;
      else if (offset > at + shift) return at;
    }
    return offset - shift;
  };
  return { text: edit(source, edits), toSource };
}

/** Replaces stretches of a text; they must not overlap. */
function edit(text: string, edits: readonly [at: number, until: number, text: string][]): string {
  const parts: string[] = [];
  let position = 0;
  for (const [at, until, replacement] of [...edits].sort((a, b) => a[0] - b[0])) {
    parts.push(text.slice(position, at), replacement);
    position = until;
  }
  return parts.join("") + text.slice(position);
}

function hasTopLevelForAwait(ts: Ts, source: string): boolean {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, false);
  const found = (node: TypeScript.Node): boolean =>
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined) ||
    (!ts.isFunctionLike(node) && !ts.isClassLike(node) && (ts.forEachChild(node, found) ?? false));
  return found(file);
}
