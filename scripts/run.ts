/** npm start: runs notebooks headless and says what they left. `scripts/start.mjs` has set up what this imports. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import ora from "ora";
import { formatDuration } from "../src/display";
import { FileProblem, readJson, shownPath } from "../src/io";
import { type Manifest, type ParameterValue, parseParameter } from "../src/notebook";
import { profiles } from "../src/settings";
import { didYouMean, shorten } from "../src/text";
import { readNotebook } from "./runner/notebook";
import { declaredParameters, readOverrides } from "./runner/parameters";
import { deviceOption } from "./options";
import { grace, NotebookFailure, runNotebook } from "./runner/run-notebook";

const root = resolve(__dirname, "..");

interface Options {
  profile: string;
  set: [name: string, text: string][];
  device?: string;
  out: string;
  limit: number;
  notebooks: string;
}

/** A notebook chosen to run, with the overrides that it declares. */
interface Chosen {
  path: string;
  name: string;
  parameters: Record<string, ParameterValue>;
}

interface Outcome {
  chosen: Chosen;
  seconds: number;
  files: string[];
  failure: Error | undefined;
}

const command = new Command("npm start --")
  .description("Runs the notebooks and saves them, executed, with their figures and tables.")
  .argument(
    "[notebooks...]",
    "numbers or names, such as 01 or 03-baselines, or all; the first study's, 01 to 07, if none is given",
  )
  .addOption(
    new Option("--profile <profile>", "quick: embedded data, minutes; full: all data, the real base model")
      .choices([...profiles])
      .default(process.env["PROFILE"] ?? "quick"),
  )
  .option("--set <NAME=VALUE>", "override a parameter of the notebooks (repeatable)", readSetting, [])
  .addOption(deviceOption())
  .option("--out <folder>", "where everything is written", process.env["PERSONA_OUTPUTS"] || "outputs")
  .option("--limit <minutes>", "how long one cell may take", readMinutes, 60)
  .addOption(new Option("--notebooks <folder>").default(join(root, "notebooks")).hideHelp())
  .addHelpText(
    "after",
    "\nExamples:\n  npm start\n  npm start -- all\n  npm start -- 01 02\n  npm start -- 04 --set MAX_STEPS=50 --out /tmp/try",
  )
  .showHelpAfterError();

function readSetting(text: string, before: [string, string][]): [string, string][] {
  const [whole, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
  if (whole === undefined) throw new InvalidArgumentError("It is not of the form NAME=VALUE.");
  return [...before, [name!, value!]];
}

/** Timers count milliseconds in 31 bits, and one that is set for longer ends at once. */
const longestLimit = 35_000;

function readMinutes(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= longestLimit))
    throw new InvalidArgumentError(`"${text}" is not a number of minutes above 0, up to ${longestLimit}.`);
  return minutes;
}

/** The argument that means all notebooks. */
const every = "all";

/** The number of the first study's report; the notebooks behind it are studies of their own. */
const lastOfFirstStudy = 7;

/** The notebooks that the arguments name, in the folder's order. */
function chooseNotebooks(folder: string, wanted: readonly string[]): string[] {
  const all = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(".ipynb"))
        .sort()
    : [];
  const names = all.map((file) => basename(file, ".ipynb"));
  for (const want of wanted) {
    if (want !== every && !names.some((name) => answersTo(name, want))) {
      command.error(`error: no notebook "${want}"; there are: ${names.join(", ") || "none"}`, {
        exitCode: 2,
      });
    }
  }
  const chosen = names.filter((name) =>
    wanted.length === 0
      ? !(Number.parseInt(name, 10) > lastOfFirstStudy)
      : wanted.some((want) => want === every || answersTo(name, want)),
  );
  return chosen.map((name) => join(folder, `${name}.ipynb`));
}

const answersTo = (name: string, want: string) =>
  [name, name.split("-")[0], name.slice(name.indexOf("-") + 1)].includes(basename(want, ".ipynb"));

/** Gives every notebook the settings that it declares; one that none declares is refused. */
function settle(paths: readonly string[], options: Options): Chosen[] {
  const declared = paths.map((path) => declaredParameters(readNotebook(path), path));
  for (const [name] of options.set) {
    if (declared.some((parameters) => Object.hasOwn(parameters, name))) continue;
    const lists = paths.map(
      (path, i) => `  ${basename(path, ".ipynb")}: ${Object.keys(declared[i]!).join(", ") || "none"}`,
    );
    const meant = didYouMean(name, declared.flatMap(Object.keys)).trim();
    throw new Error(
      `no chosen notebook has a parameter ${name}; their parameters:\n${lists.join("\n")}\n${meant}`.trimEnd(),
    );
  }
  for (const name of Object.keys(process.env)) {
    const meant = name.toUpperCase();
    if (name === meant || process.env[meant] !== undefined) continue;
    if (declared.some((parameters) => Object.hasOwn(parameters, meant)))
      console.error(
        `Note: ${name} in the environment changes nothing; the parameter is ${meant}, in capitals.`,
      );
  }
  const settings: [string, string][] = [["PROFILE", options.profile], ...options.set];
  if (options.device !== undefined) settings.push(["DEVICE", options.device]);
  return paths.map((path, i) => {
    const own = settings.filter(([name]) => Object.hasOwn(declared[i]!, name));
    // What the environment says the notebook reads itself; what is wrong with it is said before anything runs.
    const left = Object.keys(declared[i]!).filter((name) => own.every(([set]) => set !== name));
    for (const name of left) {
      const text = process.env[name];
      if (text !== undefined) parseParameter(name, text, declared[i]![name]!);
    }
    return { path, name: basename(path, ".ipynb"), parameters: readOverrides(declared[i]!, own, path) };
  });
}

async function runOne(chosen: Chosen, options: Options, signal: AbortSignal): Promise<Outcome> {
  const saveTo = join(options.out, `${chosen.name}.ipynb`);
  const started = Date.now();
  const report = reporter(chosen.name);
  // The command line wins over the environment, which a notebook reads for what the command line leaves open.
  const environment: NodeJS.ProcessEnv = { ...process.env, PERSONA_OUTPUTS: options.out };
  for (const name of Object.keys(chosen.parameters)) delete environment[name];
  let failure: Error | undefined;
  let saved = false;
  try {
    await runNotebook({
      ...chosen,
      saveTo,
      environment,
      limit: options.limit * 60,
      signal,
      onSaved: () => (saved = true),
      onProgress: ({ cell, cells, title, note }) => report.at(`cell ${cell} of ${cells}`, note ?? title),
    });
  } catch (error) {
    failure = error as Error;
  }
  const seconds = (Date.now() - started) / 1000;
  report.end(failure === undefined, formatDuration(seconds));
  const isExpected = failure instanceof NotebookFailure || failure instanceof FileProblem;
  if (failure) console.error(isExpected ? failure.message : failure.stack);
  const files = filesOfRun(join(options.out, chosen.name, "manifest.json"), started);
  return { chosen, seconds, failure, files: [...(saved ? [shownPath(saveTo)] : []), ...files] };
}

/** What the notebook's own manifest lists, if this run wrote it. */
function filesOfRun(manifestPath: string, started: number): string[] {
  if (!existsSync(manifestPath)) return [];
  const manifest = readJson(manifestPath) as Manifest;
  if (Date.parse(manifest.started) < started) return [];
  return [...manifest.files.map(({ path }) => path), shownPath(manifestPath)];
}

/** One live line in a terminal; elsewhere a line for every cell. */
function reporter(name: string): {
  at(place: string, note: string): void;
  end(good: boolean, time: string): void;
} {
  const started = Date.now();
  if (process.stderr.isTTY && process.stderr.columns > 0) {
    const spinner = ora({ text: name, discardStdin: false }).start();
    return {
      at: (place, note) => {
        const text = `${name}, ${place}, ${formatDuration((Date.now() - started) / 1000)}: ${note}`;
        spinner.text = shorten(text, Math.max(20, process.stderr.columns - 4));
      },
      end: (good, time) => void spinner[good ? "succeed" : "fail"](`${name}: ${time}`),
    };
  }
  let last = "";
  let noted = Date.now();
  console.error(`${name} …`);
  return {
    at: (place, note) => {
      if (place === last && Date.now() - noted < 30_000) return;
      last = place;
      noted = Date.now();
      console.error(`  ${name}, ${place}, ${formatDuration((Date.now() - started) / 1000)}: ${note}`);
    },
    end: (good, time) => console.error(`${name}: ${good ? "finished" : "failed"} after ${time}`),
  };
}

function summarize(outcomes: readonly Outcome[], left: readonly Chosen[]): void {
  console.log("");
  for (const { chosen, seconds, files, failure } of outcomes) {
    console.log(
      `${failure ? "✗" : "✓"} ${chosen.name}: ${failure ? "failed after" : "finished in"} ${formatDuration(seconds)}`,
    );
    if (failure) console.log(`  ${failure.message.split("\n")[0]}`);
    for (const file of files) console.log(`  ${file}`);
  }
  for (const { name } of left) console.log(`– ${name}: not run`);
}

async function main(): Promise<void> {
  command.parse();
  const options = command.opts<Options>();
  options.out = resolve(options.out);
  let chosen: Chosen[];
  try {
    chosen = settle(chooseNotebooks(resolve(options.notebooks), command.args), options);
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    process.exitCode = 2;
    return;
  }
  if (chosen.length === 0) return command.error("error: there is no notebook to run", { exitCode: 2 });

  const stop = new AbortController();
  process.on("SIGINT", () => {
    if (stop.signal.aborted) {
      console.error(
        "\nLeft at once. What the running cell had not saved is lost; a training goes on at its last checkpoint.",
      );
      process.exit(130);
    }
    console.error(
      `\nStopping: a cell that saves its work, such as a training, ends its step and saves it, for which it has ${grace.saving} s. ` +
        "Ctrl-C again leaves at once, and what is not saved by then is lost.",
    );
    stop.abort();
  });
  const outcomes: Outcome[] = [];
  for (const one of chosen) {
    if (stop.signal.aborted) break;
    outcomes.push(await runOne(one, options, stop.signal));
  }
  summarize(outcomes, chosen.slice(outcomes.length));
  process.exitCode = stop.signal.aborted ? 130 : outcomes.some(({ failure }) => failure) ? 1 : 0;
}

void main();
