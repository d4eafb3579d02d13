/**
 * npm run check: type-checks src, test, scripts and jupyter, and, as strictly, the cells of every notebook (which the
 * kernel checks loosely), and looks for what cells must not hold.
 */
import { readdirSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import ts from "typescript";
import { joinCells, placeOf, type CellsModule } from "./check/cells";
import { lintCells } from "./check/lint";
import { readNotebook } from "./runner/notebook";
import { declaredParameters } from "./runner/parameters";

const root = resolve(__dirname, "..");

/**
 * Checks the project's files, if `project`, and notebooks together, so that what they share is read once.
 *
 * @returns one line for each problem, with its place
 */
export function check(notebooks: readonly string[], project: boolean): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (problem) => {
        throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
      },
    },
  )!;
  const modules = new Map<string, CellsModule>();
  const paths = new Map<string, string>();
  const problems: string[] = [];
  for (const path of notebooks) {
    const notebook = readNotebook(path);
    const module = joinCells(notebook);
    const name = basename(path, ".ipynb");
    const file = join(root, `__${name}__.ts`).replaceAll("\\", "/"); // beside src, as the kernel runs it
    modules.set(file, module);
    paths.set(file, path);
    for (const { cell, line, message } of lintCells(module, name)) {
      problems.push(`${relative(root, path)}, cell ${cell}, line ${line}: ${message}`);
    }
    try {
      declaredParameters(notebook, relative(root, path));
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  // Cells may declare what only another notebook's reader needs, and may await at the top level.
  const options: ts.CompilerOptions = {
    ...config.options,
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noUnusedLocals: false,
  };
  const globals = join(root, "jupyter/kernel/globals.d.ts");
  const host = hostWith(options, modules);
  const notebookProgram = ts.createProgram([globals, ...modules.keys()], options, host);
  problems.push(...diagnose(notebookProgram, [...modules.keys()], modules, paths));
  if (project) {
    const program = ts.createProgram(config.fileNames, config.options);
    problems.push(...diagnose(program, undefined, modules, paths));
  }
  return problems;
}

function hostWith(options: ts.CompilerOptions, modules: ReadonlyMap<string, CellsModule>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => modules.has(path) || fileExists(path);
  host.readFile = (path) => modules.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const module = modules.get(path);
    return module ? ts.createSourceFile(path, module.text, version) : getSourceFile(path, version, ...rest);
  };
  return host;
}

function diagnose(
  program: ts.Program,
  only: readonly string[] | undefined,
  modules: ReadonlyMap<string, CellsModule>,
  paths: ReadonlyMap<string, string>,
): string[] {
  const found = only
    ? only.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
    : ts.getPreEmitDiagnostics(program);
  return ts.sortAndDeduplicateDiagnostics(found).map(({ file, start, messageText, code }) => {
    const text = `${ts.flattenDiagnosticMessageText(messageText, "\n")} (TS${code})`;
    if (!file) return text;
    const { line } = file.getLineAndCharacterOfPosition(start ?? 0);
    const module = modules.get(file.fileName);
    if (!module) return `${relative(root, file.fileName)}, line ${line + 1}: ${text}`;
    const place = placeOf(module, line);
    return `${relative(root, paths.get(file.fileName)!)}, cell ${place.cell}, line ${place.line}: ${text}`;
  });
}

/** The notebooks of a folder. */
export function notebooksIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ipynb"))
    .sort()
    .map((file) => join(folder, file));
}

if (require.main === module) {
  const notebooks = ["notebooks", "test/notebooks/fixtures"].flatMap((folder) => {
    const path = join(root, folder);
    return ts.sys.directoryExists(path) ? notebooksIn(path) : [];
  });
  const problems = check(notebooks, true);
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0
      ? `checked the sources and ${notebooks.length} notebooks`
      : `${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
