import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, round } from "./bench";

const root = join(__dirname, "../..");
const ROUNDS = Number(process.env["RLOO_ITERATION_ROUNDS"] ?? 3);
const LAYERS = Number(process.env["RLOO_ITERATION_LAYERS"] ?? 30);
const THREADS = Number(process.env["RLOO_ITERATION_THREADS"] ?? 2);
/** A Python with torch, transformers, PEFT and TRL. */
const PYTHON = process.env["PYTHON"];

interface Result {
  readonly seconds: number[];
  readonly cpuSeconds: number[];
  /** Of the seconds those of the update. */
  readonly updateSeconds?: number[];
  readonly completionTokens: number;
  readonly peakRssMiB: number;
}

const shape = { prompts: 2, completions: 4, promptLength: 32, newTokens: 32, layers: LAYERS };
const peers = ["fp32", "bf16"] as const;

const bench: Bench = {
  description:
    "RLOO iterations of SmolLM2-135M's shapes (two prompts of 32 tokens, four completions of at most 32 each; LoRA of rank 32 on all seven " +
    "linear layers): rollout, score, logprobs of policy and reference, update; beside TRL where PYTHON names an environment that has it, " +
    "alternating. Seconds of the processor tell more than those of the clock where others use it",
  async run(report) {
    const own: Result[] = [];
    const theirs = peers.map(() => [] as Result[]);
    for (let round = 0; round < ROUNDS; round++) {
      report(`round ${round + 1} of ${ROUNDS}`);
      own.push(
        execute(process.execPath, ["--import", "tsx", join(__dirname, "children/rloo-iterations.ts")], {
          threads: THREADS,
        }),
      );
      if (PYTHON)
        peers.forEach((mode, i) =>
          theirs[i]!.push(execute(PYTHON, [join(__dirname, "peers/rloo_iteration.py")], { mode })),
        );
    }
    return {
      ...shape,
      threads: THREADS,
      rows: [
        { by: "this project, float32", ...summary(own) },
        ...(PYTHON ? peers.map((mode, i) => ({ by: `TRL, ${mode}`, ...summary(theirs[i]!, own) })) : []),
      ],
      peer: PYTHON ? "TRL" : "set PYTHON",
      loadAverage: loadavg().map(round),
    };
  },
};
export default bench;

/** Medians of the rounds; how many times as long as ours of the same round, by the processor's seconds and by the clock's. */
function summary(results: readonly Result[], ours: readonly Result[] = []) {
  const of = (name: "seconds" | "cpuSeconds" | "updateSeconds") => (result: Result) =>
    median(result[name] ?? []);
  const ratio = (name: "seconds" | "cpuSeconds") =>
    round(median(results.map((result, i) => of(name)(result) / of(name)(ours[i]!))));
  return {
    seconds: round(median(results.map(of("seconds")))),
    cpuSeconds: round(median(results.map(of("cpuSeconds")))),
    ...(results[0]!.updateSeconds && { updateSeconds: round(median(results.map(of("updateSeconds")))) }),
    completionTokens: median(results.map(({ completionTokens }) => completionTokens)),
    peakRssMiB: Math.max(...results.map(({ peakRssMiB }) => peakRssMiB)),
    ...(ours.length > 0 && { timesOurs: ratio("seconds"), timesOursByProcessor: ratio("cpuSeconds") }),
  };
}

function execute(program: string, args: string[], settings: object): Result {
  const output = execFileSync(program, [...args, JSON.stringify({ ...shape, ...settings })], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    // Threads that wait by spinning slow each other down where cores are shared.
    env: { ...process.env, OMP_NUM_THREADS: String(THREADS), OMP_WAIT_POLICY: "PASSIVE" },
  });
  return JSON.parse(output.trim().split("\n").at(-1)!) as Result;
}
