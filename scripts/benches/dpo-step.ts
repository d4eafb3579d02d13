import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, round } from "./bench";

const root = join(__dirname, "../..");
const ROUNDS = Number(process.env["DPO_STEP_ROUNDS"] ?? 3);
const LAYERS = Number(process.env["DPO_STEP_LAYERS"] ?? 30);
const THREADS = Number(process.env["DPO_STEP_THREADS"] ?? 2);
/** A Python with torch, transformers, PEFT and TRL. */
const PYTHON = process.env["PYTHON"];

interface Result {
  stepSeconds: number[];
  stepCpuSeconds: number[];
  peakRssMiB: number;
}

const shape = { pairs: 2, length: 256, layers: LAYERS };
const schemes = [
  { frozenWeights: "float32", recompute: false },
  { frozenWeights: "float32", recompute: true },
  { frozenWeights: "int8", recompute: false },
  { frozenWeights: "nf4", recompute: false },
];
const peers = [
  { mode: "fp32", checkpointing: false },
  { mode: "bf16", checkpointing: false },
  { mode: "fp32", checkpointing: true },
];

const bench: Bench = {
  description:
    "DPO steps (LoRA of rank 32 on all seven linear layers, no dropout) of SmolLM2-135M's shapes on 2 pairs, four rows of 256 tokens of " +
    "which half are answers; beside TRL's trainer where PYTHON names an environment that has it, alternating. Both have the reference's " +
    "log-probabilities already",
  async run(report) {
    const own = schemes.map(() => [] as Result[]);
    const theirs = peers.map(() => [] as Result[]);
    for (let at = 0; at < ROUNDS; at++) {
      report(`round ${at + 1} of ${ROUNDS}`);
      schemes.forEach((scheme, i) => own[i]!.push(ownSteps(scheme)));
      if (PYTHON) peers.forEach((peer, i) => theirs[i]!.push(peerSteps(peer)));
    }
    const exact = theirs[0]!;
    return {
      threads: THREADS,
      rows: [
        ...schemes.map((scheme, i) => ({ ...scheme, ...shape, ...summary(own[i]!, exact) })),
        ...(PYTHON
          ? peers.map(({ mode, checkpointing }, i) => ({
              peer: checkpointing ? `${mode}, checkpointing` : mode,
              ...shape,
              ...summary(theirs[i]!, exact),
            }))
          : []),
      ],
      peer: PYTHON ? "TRL" : "set PYTHON",
      loadAverage: loadavg().map(round),
    };
  },
};
export default bench;

/** Medians; how many times as fast as the exact peer of the same round, by the clock and by the processor's seconds. */
function summary(results: readonly Result[], peer: readonly Result[]) {
  const wall = ({ stepSeconds }: Result) => median(stepSeconds);
  const cpu = ({ stepCpuSeconds }: Result) => median(stepCpuSeconds);
  const times = (of: (result: Result) => number) =>
    round(median(peer.map((theirs, i) => of(theirs) / of(results[i]!))));
  return {
    stepSeconds: round(median(results.map(wall))),
    stepCpuSeconds: round(median(results.map(cpu))),
    peakRssMiB: Math.max(...results.map(({ peakRssMiB }) => peakRssMiB)),
    ...(peer.length > 0 ? { timesTheExactPeer: times(wall), byProcessor: times(cpu) } : {}),
  };
}

function ownSteps(scheme: object): Result {
  const { pairs: batch, ...others } = shape;
  const settings = { objective: "dpo", batch, dropout: 0, threads: THREADS, ...others, ...scheme };
  const child = join(__dirname, "children/llama-steps.ts");
  return lastLine(process.execPath, ["--import", "tsx", child, JSON.stringify(settings)]);
}

function peerSteps(settings: object): Result {
  return lastLine(PYTHON!, [
    join(__dirname, "peers/dpo_steps.py"),
    JSON.stringify({ ...shape, ...settings }),
  ]);
}

function lastLine(program: string, args: string[]): Result {
  const output = execFileSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    // Threads that wait by spinning slow each other down where cores are shared.
    env: { ...process.env, OMP_NUM_THREADS: String(THREADS), OMP_WAIT_POLICY: "PASSIVE" },
  });
  return JSON.parse(output.trim().split("\n").at(-1)!) as Result;
}
