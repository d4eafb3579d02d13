/** Runs the benches of the map of time, each in a process of its own, and keeps what they leave. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, removeFile, writeJson } from "../../src/io";
import { shorten } from "../../src/text";
import type { BenchFile } from "./jobs";
import { watchOthers } from "./other-work";

interface Planned {
  readonly name: string;
  /** Variables that make it short enough to be run with the others; undefined takes one away. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Steps and iterations are of random weights of each shape, whatever model is set. */
const randomWeights = { PERSONA_CHAT_MODEL: undefined };

/** The benches in their order: the short ones first. */
export const plan: readonly Planned[] = [
  { name: "roofline", environment: {} },
  { name: "dense-scan", environment: {} },
  { name: "lora-training", environment: { LORA_TRAINING_ROUNDS: "1", LORA_TRAINING_ROWS: "lora real" } },
  { name: "retrieval", environment: {} },
  { name: "generation", environment: {} },
  { name: "llama-decode", environment: {} },
  { name: "rloo-iteration", environment: { ...randomWeights, RLOO_ITERATION_ROUNDS: "1" } },
  { name: "dpo-step", environment: { ...randomWeights, DPO_STEP_ROUNDS: "1" } },
  { name: "llama-step", environment: { ...randomWeights, LLAMA_STEP_ROUNDS: "1" } },
  { name: "training-step", environment: {} },
];

/** How a bench of the map ended. */
export interface Ended {
  /** Why it left nothing; a bench without one left its JSON. */
  readonly failure?: string;
  readonly seconds: number;
  /** Processors that others kept busy meanwhile, where the system tells. */
  readonly otherProcessors?: number;
}

/** A run of the map; what is not in `ended` has not been run yet. */
export interface MapRun {
  readonly started: string;
  /** What a run that goes on must share with the one before: machine, versions, peers, how much is measured. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ended: Readonly<Record<string, Ended>>;
  readonly finished?: string;
}

const runFile = (folder: string) => join(folder, "run.json");

/** The run that the folder holds, if it holds one. */
export const readRun = (folder: string): MapRun | undefined =>
  existsSync(runFile(folder)) ? (readJson(runFile(folder)) as MapRun) : undefined;

/** What the run's bench left, or why it left nothing. */
export function found(folder: string, run: MapRun, name: string): BenchFile | string {
  const ended = run.ended[name];
  if (!ended) return "not run yet";
  if (ended.failure !== undefined) return ended.failure;
  return (readJson(join(folder, `${name}.json`)) as { results: BenchFile }).results;
}

/** Runs one bench, which writes its JSON into the folder; the answer is why it did not. */
export type Start = (name: string, environment: NodeJS.ProcessEnv) => Promise<string | undefined>;

/**
 * Runs the plan. A run of the same settings that was cut off goes on: what it has is not run again, and what failed is.
 *
 * @param report a line of progress
 */
export async function runAll(
  folder: string,
  settings: MapRun["settings"],
  start: Start,
  report: (message: string) => void,
): Promise<MapRun> {
  const before = readRun(folder);
  const goesOn = before && !before.finished && JSON.stringify(before.settings) === JSON.stringify(settings);
  let run: MapRun = goesOn ? before : { started: new Date().toISOString(), settings, ended: {} };
  if (goesOn) report(`goes on with the run of ${run.started}`);
  writeJson(runFile(folder), run);
  for (const [i, { name, environment }] of plan.entries()) {
    const done = run.ended[name];
    if (done && done.failure === undefined) continue;
    report(`${name}, ${i + 1} of ${plan.length}`);
    removeFile(join(folder, `${name}.json`));
    const others = watchOthers();
    const from = performance.now();
    const failure = await start(name, { ...process.env, ...environment });
    const otherProcessors = others();
    const ended: Ended = {
      ...(failure !== undefined && { failure }),
      seconds: Math.round((performance.now() - from) / 1000),
      ...(otherProcessors !== undefined && { otherProcessors }),
    };
    if (failure !== undefined) report(`${name} failed: ${failure}`);
    run = { ...run, ended: { ...run.ended, [name]: ended } };
    writeJson(runFile(folder), run);
  }
  run = { ...run, finished: new Date().toISOString() };
  writeJson(runFile(folder), run);
  return run;
}

/** Runs a bench as `npm run bench -- NAME` does, at most for so many minutes. */
export function startBench(folder: string, minutes: number): Start {
  return async (name, env) => {
    const script = join(__dirname, "../bench.ts");
    const child = spawn(process.execPath, ["--require", "tsx/cjs", script, name, "--out", folder], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      detached: process.platform !== "win32", // so that its peers can be ended with it
    });
    const kill = () => {
      try {
        process.kill(process.platform === "win32" ? child.pid! : -child.pid!, "SIGKILL");
      } catch {
        // It has ended already.
      }
    };
    const stopped = () => process.exit(130);
    process.on("exit", kill);
    process.on("SIGINT", stopped);
    process.on("SIGTERM", stopped);
    let said = "";
    child.stderr.on("data", (data: Buffer) => {
      process.stderr.write(data);
      said = (said + data.toString()).slice(-4000);
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, minutes * 60_000);
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    process.off("exit", kill);
    process.off("SIGINT", stopped);
    process.off("SIGTERM", stopped);
    if (late) return `took longer than ${minutes} minutes`;
    if (code === 0) return undefined;
    return reasonIn(said) ?? (signal ? `killed by ${signal}` : `ended with ${code}`);
  };
}

/** The message of the last error that was printed, with files by their names alone, as a page is read elsewhere. */
export function reasonIn(said: string): string | undefined {
  const message = [...said.matchAll(/^\w*Error: (.+)$/gm)].at(-1)?.[1];
  return message && shorten(message.replaceAll(/(?:[/\\][^\s/\\"']+)+[/\\]([^\s/\\"']+)/g, "$1"), 160);
}
