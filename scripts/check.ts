/**
 * npm run check: type-checks src, test, scripts and jupyter and looks through them with ESLint; type-checks as strictly the
 * cells of every notebook (which the kernel checks loosely), and looks for what cells must not hold.
 */
import { fork } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { ESLint } from "eslint";
import ts from "typescript";
import { joinCells, placeOf, type CellsModule } from "./check/cells";
import { lintCells } from "./check/lint";
import { readNotebook } from "./runner/notebook";
import { declaredParameters } from "./runner/parameters";

const root = resolve(__dirname, "..");

/** The project's files (or those of a folder of it that has its own configuration) and how they are compiled. */
function readConfig(folder = root): ts.ParsedCommandLine {
  return ts.getParsedCommandLineOfConfigFile(
    join(folder, "tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (problem) => {
        throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
      },
    },
  )!;
}

/**
 * Checks the project's files. ESLint works on the types that the compiler has just found: to find them again would take
 * it as long as all the rest.
 *
 * @returns one line for each problem, with its place
 */
export async function checkSources(): Promise<string[]> {
  const { fileNames, options } = readConfig();
  const program = ts.createProgram(fileNames, options);
  const browser = browserParts();
  const inBrowser = ts.createProgram(browser.fileNames, browser.options);
  const programs = [program, inBrowser];
  const problems = lines([
    ...ts.getPreEmitDiagnostics(program),
    // What they import of the other folders is checked with those.
    ...browser.fileNames.flatMap((file) =>
      ts.getPreEmitDiagnostics(inBrowser, inBrowser.getSourceFile(file)),
    ),
  ]);
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      files: ["**/*.ts"],
      languageOptions: { parserOptions: { projectService: false, programs } },
    },
  });
  for (const { filePath, messages } of await eslint.lintFiles(".")) {
    for (const { line, message, ruleId } of messages)
      problems.push(`${relative(root, filePath)}, line ${line}: ${message} (${ruleId ?? "ESLint"})`);
  }
  return problems;
}

/** What browsers run: the folders of src that are compiled for pages, not for Node. */
function browserParts(): Pick<ts.ParsedCommandLine, "fileNames" | "options"> {
  const src = join(root, "src");
  const configs = ts.sys.readDirectory(src, [".json"], undefined, ["*/*/tsconfig.json"]);
  const parts = configs.map((config) => readConfig(dirname(config)));
  return { fileNames: parts.flatMap(({ fileNames }) => fileNames), options: parts[0]!.options };
}

/**
 * Checks the cells of notebooks.
 *
 * @returns one line for each problem, with its place
 */
export function checkNotebooks(notebooks: readonly string[]): string[] {
  const config = readConfig();
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
  const program = ts.createProgram([globals, ...modules.keys()], options, host);
  const found = [...modules.keys()].flatMap((file) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)),
  );
  return [...problems, ...lines(found, modules, paths)];
}

function hostWith(options: ts.CompilerOptions, modules: ReadonlyMap<string, CellsModule>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const plain = { ...host };
  host.fileExists = (path) => modules.has(path) || plain.fileExists(path);
  host.readFile = (path) => modules.get(path)?.text ?? plain.readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const module = modules.get(path);
    return module
      ? ts.createSourceFile(path, module.text, version)
      : plain.getSourceFile(path, version, ...rest);
  };
  return host;
}

/** What the compiler found, a line each; `paths` are the notebooks of the modules made of cells. */
function lines(
  found: readonly ts.Diagnostic[],
  modules: ReadonlyMap<string, CellsModule> = new Map(),
  paths: ReadonlyMap<string, string> = new Map(),
): string[] {
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

/** What this script is called with to check the notebooks alone and tell the process that called it. */
const CELLS = "cells";

/** Checks the notebooks in a process of their own. */
function cellsMeanwhile(): Promise<string[]> {
  const other = fork(__filename, [CELLS]);
  return new Promise((resolve, reject) => {
    other.once("message", (problems) => resolve(problems as string[]));
    other.once("exit", (code) => reject(new Error(`the check of the notebooks ended with ${code}`)));
  });
}

async function main(): Promise<void> {
  const notebooks = ["notebooks", "test/notebooks/fixtures"].flatMap((folder) => {
    const path = join(root, folder);
    return ts.sys.directoryExists(path) ? notebooksIn(path) : [];
  });
  if (process.argv[2] === CELLS) {
    process.send!(checkNotebooks(notebooks));
    return;
  }
  const problems = (await Promise.all([checkSources(), cellsMeanwhile()])).flat();
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0
      ? `checked the sources and ${notebooks.length} notebooks`
      : `${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (require.main === module) void main();
