// npm run bench -- NAME…: runs benches from scripts/benches, prints their results as JSON and keeps them in outputs/bench.
// npm run bench -- all: runs those of the map of time and makes its table; -- page: makes docs/performance.md of that.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { readJson, shownPath, writeFileWhole, writeJson } from "../src/io";
import type { Bench } from "./benches/bench";
import { wholeFrom } from "./options";
import { peerVersions } from "./time-map/peers";
import { mapOf, performancePage } from "./time-map/page";
import { type MapRun, readRun, runAll, startBench } from "./time-map/run";

const root = join(__dirname, "..");

/** The benches by name: every module of scripts/benches with a default export. */
export function benchNames(): string[] {
  return readdirSync(join(__dirname, "benches"))
    .filter((file) => file.endsWith(".ts") && !["bench.ts", "peer.ts"].includes(file))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

async function runBench(name: string, out: string): Promise<void> {
  const { default: bench } = createRequire(__filename)(`./benches/${name}`) as { default: Bench };
  process.stderr.write(`${name}: ${bench.description}\n`);
  const result = {
    name,
    description: bench.description,
    date: new Date().toISOString(),
    machine: machine(),
    versions: versions(),
    results: await bench.run((message) => process.stderr.write(`  ${message}\n`)),
  };
  const path = join(out, `${name}.json`);
  writeJson(path, result);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  process.stderr.write(`  written to ${path}\n`);
}

function machine(): Record<string, string | number> {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
  };
}

/** Of Node and of the pinned dependencies. */
function versions(): Record<string, string> {
  const { dependencies } = readJson(join(root, "package.json")) as { dependencies: Record<string, string> };
  return { node: process.versions.node, ...dependencies };
}

/** Runs the benches of the map of time, or those that a run before left over, and writes its table as JSON and Markdown. */
async function runMap({ out, quick, limit, outputs }: Options): Promise<void> {
  const folder = join(out, "all");
  const settings = { quick, machine: machine(), versions: versions(), peers: peerVersions() };
  if (quick) process.env["BENCH_QUICK"] = "1";
  const run = await runAll(folder, settings, startBench(folder, limit), (message) =>
    process.stderr.write(`all: ${message}\n`),
  );
  const page = writeMap(run, { out, outputs });
  process.stdout.write(page);
  process.stderr.write(`all: written to ${shownPath(join(out, "all.json"))} and all.md\n`);
}

/** Writes what a run has left so far as all.json and all.md, and returns the latter's text. */
function writeMap(run: MapRun, { out, outputs }: Pick<Options, "out" | "outputs">): string {
  const map = mapOf(join(out, "all"), run, { notebooks: join(root, "notebooks"), outputs });
  const page = performancePage(map);
  writeJson(join(out, "all.json"), map);
  writeFileWhole(join(out, "all.md"), page);
  return page;
}

/** Makes docs/performance.md of what the last `all` has left, finished or not. */
function writePage(options: Options): void {
  const folder = join(options.out, "all");
  const run = readRun(folder);
  if (!run) throw new Error(`${shownPath(folder)} has no run: npm run bench -- all makes one`);
  const path = join(root, "docs/performance.md");
  writeFileWhole(path, writeMap(run, options));
  process.stderr.write(`written to ${shownPath(path)}\n`);
}

interface Options {
  out: string;
  quick: boolean;
  limit: number;
  outputs: string;
}

/** What stands for itself among the names. */
const special = { all: runMap, page: writePage };
const isSpecial = (name: string): name is keyof typeof special => Object.hasOwn(special, name);

const names = benchNames();
const parseName = (name: string, before: string[] | undefined): string[] => {
  if (!names.includes(name) && !isSpecial(name))
    throw new InvalidArgumentError(`There is: ${names.join(", ")}; all and page.`);
  return [...(before ?? []), name];
};

new Command("npm run bench --")
  .description(
    `Runs benches and writes outputs/bench/NAME.json. There is: ${names.join(", ")}.\n\n` +
      "all runs those of the map of time, each in a process of its own, and writes outputs/bench/all.json and all.md; a run that was cut " +
      "off goes on. page makes docs/performance.md of what it has left.",
  )
  .argument("[names...]", "benches to run; none lists them", parseName)
  .option("--out <folder>", "where the JSON goes", join(root, "outputs/bench"))
  .option("--quick", "all: measures once, and not how times grow", false)
  .option("--limit <minutes>", "all: how long one bench may take", wholeFrom(1), 30)
  .option("--outputs <folder>", "all: where notebooks left their manifests", join(root, "outputs"))
  .action(async (chosen: string[] | undefined, options: Options) => {
    if (!chosen?.length) process.stdout.write(`${names.join("\n")}\n`);
    for (const name of chosen ?? [])
      await (isSpecial(name) ? special[name](options) : runBench(name, options.out));
  })
  .showHelpAfterError()
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
