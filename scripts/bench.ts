// npm run bench -- NAME…: runs benches from scripts/benches, prints their results as JSON and keeps them in outputs/bench.
import { readdirSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { readJson, writeJson } from "../src/io";
import type { Bench } from "./benches/bench";

const root = join(__dirname, "..");

/** The benches by name: every module of scripts/benches with a default export. */
export function benchNames(): string[] {
  return readdirSync(join(__dirname, "benches"))
    .filter((file) => file.endsWith(".ts") && file !== "bench.ts")
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

async function runBench(name: string, out: string): Promise<void> {
  const { default: bench } = (await import(`./benches/${name}`)) as { default: Bench };
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

const names = benchNames();
const parseName = (name: string, before: string[] | undefined): string[] => {
  if (!names.includes(name)) throw new InvalidArgumentError(`There is: ${names.join(", ")}.`);
  return [...(before ?? []), name];
};

new Command("npm run bench --")
  .description(`Runs benches and writes outputs/bench/NAME.json. There is: ${names.join(", ")}.`)
  .argument("[names...]", "benches to run; none lists them", parseName)
  .option("--out <folder>", "where the JSON goes", join(root, "outputs/bench"))
  .action(async (chosen: string[] | undefined, { out }: { out: string }) => {
    if (!chosen?.length) process.stdout.write(`${names.join("\n")}\n`);
    for (const name of chosen ?? []) await runBench(name, out);
  })
  .showHelpAfterError()
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
