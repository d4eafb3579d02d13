/** npm run grid: runs a declared grid, or shows what the runs on disk have come to. */
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { showTable } from "../src/display";
import type { Device } from "../src/engine";
import { likelihoodMetrics, type Metric, setMetrics } from "../src/evaluation";
import { saveFigure } from "../src/figures";
import {
  costRows,
  type GridDeclaration,
  gridHeatmap,
  gridRecords,
  gridRows,
  type GridRun,
  readDeclaration,
  readGrid,
  runGrid,
  type SettingValue,
  varyingSettings,
} from "../src/grid";
import { shownPath, writeCsv } from "../src/io";
import { type Profile, profiles } from "../src/settings";
import { didYouMean } from "../src/text";
import { type JobChoices, jobEngine, withJobOptions } from "./job-options";
import { deviceOption, parseSetting } from "./options";
import { say, stopOnSignal } from "./stopping";

interface Options extends JobChoices {
  profile?: Profile;
  device?: Device;
  set: [name: string, value: SettingValue][];
  out: string;
  rerunChanged: boolean;
  metrics?: Metric[];
  heatmaps?: string[];
  task?: string;
}

const command = withJobOptions(new Command("npm run grid --"), "runs")
  .description(
    "Runs a declared grid of experiments and shows every run that it finds on disk. Runs that are done are skipped, those that were cut go on.",
  )
  .argument("[declaration]", "JSON file of the grid; without it, what is on disk is shown")
  .addOption(
    new Option("--profile <profile>", "instead of the declaration's: quick or full").choices([...profiles]),
  )
  .option(
    "--set <NAME=VALUE>",
    "a setting of all runs that the grid does not vary (repeatable)",
    readSetting,
    [],
  )
  .option("--out <folder>", "where the runs' files lie", process.env["PERSONA_OUTPUTS"] || "outputs")
  .option(
    "--rerun-changed",
    "delete and repeat runs that are there with other settings; otherwise refused",
    false,
  )
  .option("--metrics <names>", "columns of the table and heatmaps, separated by commas", readMetrics)
  .option("--heatmaps <x,y>", "the two settings of the heatmaps (default: the last two that vary)", readPair)
  .addOption(deviceOption())
  .addOption(new Option("--task <module>").hideHelp())
  .addHelpText(
    "after",
    `
A declaration has what all runs share, and axes that are all combined, or runs by name:
  { "base": { "maxSteps": 600 }, "axes": { "maxNewTokens": [96, 128], "k": [3, 4] } }
  { "name": "mine", "profile": "full", "device": "webgpu", "runs": { "A": { "k": 3 }, "B": { "k": 4, "seed": 14 } } }

With a method of npm run train, on rows of your own ("config" is a file for npm run train, "test" has the rows to be answered):
  { "base": { "method": "sft", "config": "keeper.json", "test": "held-out.jsonl" }, "axes": { "learningRate": [1e-4, 1e-3] } }

Each run leaves stage3_summary_<RUN_ID>.json, stage3_cases_<RUN_ID>.jsonl and runs/<RUN_ID>/. A first Ctrl-C lets the
runs in progress save and stop, a second one leaves at once. With --redis the runs stay with the workers (docs/jobs.md).

Examples:
  npm run grid -- scripts/grids/proposal.json
  npm run grid -- scripts/grids/proposal.json --set maxSteps=20 --out outputs/try
  npm run grid -- scripts/grids/proposal.json --redis redis://10.0.0.5:6379
  npm run grid -- --out outputs/try`,
  )
  .showHelpAfterError();

function readSetting(text: string, before: [string, SettingValue][]): [string, SettingValue][] {
  return [...before, parseSetting(text)];
}

function readMetrics(text: string): Metric[] {
  const names = text.split(",").map((name) => name.trim());
  const known: readonly string[] = [...setMetrics, ...likelihoodMetrics];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `There is no metric "${unknown}", but ${known.join(", ")}.${didYouMean(unknown, known)}`,
    );
  return names as Metric[];
}

function readPair(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.length !== 2) throw new InvalidArgumentError("It is not two names of settings, x,y.");
  return names;
}

/** The declaration with the command line's settings for all runs. */
function withSettings(declaration: GridDeclaration, { profile, device, set }: Options): GridDeclaration {
  const varied = [declaration.axes ?? {}, ...Object.values(declaration.runs ?? {})].flatMap(Object.keys);
  for (const [name] of set)
    if (varied.includes(name)) throw new Error(`--set ${name}: the grid itself varies ${name}`);
  return {
    ...declaration,
    ...(profile ? { profile } : {}),
    ...(device ? { device } : {}),
    base: { ...declaration.base, ...Object.fromEntries(set) },
  };
}

/** The scores that are shown unless told: of models that answered rows the references' likelihood as well. */
function defaultMetrics(runs: readonly GridRun[]): Metric[] {
  const isAsked = runs.some(({ evaluated }) => evaluated.some(({ summary }) => summary.likelihood));
  if (isAsked) return ["bitsPerByte", "perplexity", "rougeL", "personaCoverageContent", "outputTokens"];
  return ["bleu", "rougeL", "personaCoverage", "jaccard", "outputTokens"];
}

async function show(runs: readonly GridRun[], options: Options): Promise<void> {
  const { out, heatmaps, metrics = defaultMetrics(runs) } = options;
  if (runs.length === 0) return console.log(`There are no runs in ${shownPath(out)}.`);
  showTable(gridRows(runs, metrics), { caption: `Runs in ${shownPath(out)}, with 95 % intervals` });
  console.log("");
  showTable(costRows(runs), { caption: "What they cost" });
  for (const { id, error } of runs) if (error !== undefined) console.log(`\n${id}: ${error}`);
  const written = [join(out, "grid", "runs.csv")];
  writeCsv(written[0]!, gridRecords(runs, metrics));
  const finished = runs.filter(({ evaluated }) => evaluated.length > 0);
  const [x, y] = heatmaps ?? varyingSettings(finished).slice(-2).reverse();
  if (x !== undefined && y !== undefined)
    for (const metric of metrics)
      written.push(...(await saveFigure(gridHeatmap(runs, { x, y, metric }), join(out, "grid", metric))));
  console.log(`\nWritten:\n${written.map((path) => `  ${shownPath(path)}`).join("\n")}`);
}

async function main(): Promise<void> {
  command.parse();
  const options = command.opts<Options>();
  options.out = resolve(options.out);
  const [path] = command.args;
  const signal = stopOnSignal("Stopping: the runs in progress save what they have");
  let failed = 0;
  try {
    if (path !== undefined) {
      const outcomes = await runGrid(withSettings(readDeclaration(path), options), {
        directory: options.out,
        ...(options.task === undefined ? {} : { task: resolve(options.task) }),
        engine: jobEngine(options),
        changed: options.rerunChanged ? "rerun" : "refuse",
        signal,
        say,
      });
      failed = outcomes.filter(({ outcome }) => ["failed", "busy", "sent"].includes(outcome)).length;
      console.log("");
    }
    await show(readGrid(options.out), options);
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    process.exit(2);
  }
  process.exit(signal.aborted ? 130 : failed > 0 ? 1 : 0);
}

void main();
