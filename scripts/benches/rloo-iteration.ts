import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, quick, round, roundsOf } from "./bench";
import { shapeConfig, type ShapeName, shapeNames } from "./shapes/shapes";

const root = join(__dirname, "../..");
const ROUNDS = roundsOf("RLOO_ITERATION_ROUNDS");
const LAYERS = Number(process.env["RLOO_ITERATION_LAYERS"] ?? Infinity);
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

interface Size {
  readonly shape: ShapeName;
  readonly promptLength: number;
  readonly newTokens: number;
}
const usual = { promptLength: 32, newTokens: 32 };
const compared = shapeNames.map((shape) => ({ shape, ...usual, rounds: ROUNDS }));
const growing: readonly (Size & { readonly rounds: number })[] = [
  ...[16, 64, 128].map((newTokens) => ({ shape: "chat-model", ...usual, newTokens, rounds: 1 }) as const),
  ...[128, 256].map((promptLength) => ({ shape: "chat-model", ...usual, promptLength, rounds: 1 }) as const),
];
const group = { prompts: 2, completions: 4 };
const peers = ["fp32", "bf16"] as const;

const bench: Bench = {
  description:
    "RLOO iterations of the shapes of SmolLM2-135M, of the embedded causal model and (without a peer) of FLAN-T5 Small (two prompts, four " +
    "completions each; LoRA of rank 32 on all linear layers): rollout, score, logprobs of policy and reference, update; beside TRL where PYTHON names an environment that " +
    "has it, alternating. Seconds of the processor tell more than those of the clock where others use it",
  run(report) {
    return Promise.resolve({
      ...group,
      threads: THREADS,
      rows: [...compared, ...(quick ? [] : growing)].flatMap((size) => compare(size, report)),
      peer: PYTHON ? "TRL" : "set PYTHON",
      loadAverage: loadavg().map(round),
    });
  },
};

/** A row for ours and for each of the peer's, all of which took turns. */
function compare({ rounds, ...size }: Size & { readonly rounds: number }, report: (message: string) => void) {
  const own: Result[] = [];
  const theirs = peers.map(() => [] as Result[]);
  const asked = PYTHON !== undefined && size.shape !== "flan-t5-small"; // TRL generates with causal models alone
  for (let at = 0; at < rounds; at++) {
    report(`${JSON.stringify(size)}, round ${at + 1} of ${rounds}`);
    const { shape, ...lengths } = size;
    const config = shapeConfig(shape, LAYERS);
    const child = ["--require", "tsx/cjs", join(__dirname, "children/rloo-iterations.ts")];
    own.push(
      execute(process.execPath, child, {
        ...{ ...group, ...lengths, shape, threads: THREADS, ...(LAYERS < Infinity && { layers: LAYERS }) },
      }),
    );
    if (!asked) continue;
    const script = [join(__dirname, "peers/rloo_iteration.py")];
    peers.forEach((mode, i) =>
      theirs[i]!.push(execute(PYTHON!, script, { ...group, ...lengths, config, mode })),
    );
  }
  return [
    { ...size, by: "this project, float32", ...summary(own) },
    ...(asked ? peers.map((mode, i) => ({ ...size, by: `TRL, ${mode}`, ...summary(theirs[i]!, own) })) : []),
  ];
}

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
  const output = execFileSync(program, [...args, JSON.stringify(settings)], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    // Threads that wait by spinning slow each other down where cores are shared.
    env: { ...process.env, OMP_NUM_THREADS: String(THREADS), OMP_WAIT_POLICY: "PASSIVE" },
  });
  return JSON.parse(output.trim().split("\n").at(-1)!) as Result;
}
