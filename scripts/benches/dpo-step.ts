import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, quick, round, roundsOf } from "./bench";
import { shapeConfig, type ShapeName } from "./shapes/shapes";

const root = join(__dirname, "../..");
const ROUNDS = roundsOf("DPO_STEP_ROUNDS");
const LAYERS = Number(process.env["DPO_STEP_LAYERS"] ?? Infinity);
const THREADS = Number(process.env["DPO_STEP_THREADS"] ?? 2);
/** A Python with torch, transformers, PEFT and TRL. */
const PYTHON = process.env["PYTHON"];

interface Result {
  stepSeconds: number[];
  stepCpuSeconds: number[];
  peakRssMiB: number;
}

interface Size {
  readonly shape: ShapeName;
  readonly pairs: number;
  readonly length: number;
}

/** Where everything is compared, and where the cost grows: exact steps alone. */
const compared: readonly Size[] = [
  { shape: "smollm2-135m", pairs: 2, length: 256 },
  { shape: "chat-model", pairs: 4, length: 128 },
];
/** TRL has no trainer for it any more. */
const encoderDecoder: Size = { shape: "flan-t5-small", pairs: 4, length: 256 };
const growing: readonly Size[] = [
  ...[64, 128, 256, 512].map((length) => ({ shape: "chat-model", pairs: 2, length }) as const),
  ...[1, 4, 8].map((pairs) => ({ shape: "chat-model", pairs, length: 128 }) as const),
  ...[128, 512].map((length) => ({ shape: "smollm2-135m", pairs: 2, length }) as const),
];

interface Scheme {
  readonly frozenWeights: "float32" | "int8" | "nf4";
  readonly recompute: boolean;
}
const exactScheme: Scheme = { frozenWeights: "float32", recompute: false };
const int8Scheme: Scheme = { frozenWeights: "int8", recompute: false };
const schemes: readonly Scheme[] = [
  exactScheme,
  { frozenWeights: "float32", recompute: true },
  int8Scheme,
  { frozenWeights: "nf4", recompute: false },
];

interface Peer {
  readonly mode: "fp32" | "bf16";
  readonly checkpointing: boolean;
}
const exactPeer: Peer = { mode: "fp32", checkpointing: false };
const peers: readonly Peer[] = [
  exactPeer,
  { mode: "bf16", checkpointing: false },
  { mode: "fp32", checkpointing: true },
];

const bench: Bench = {
  description:
    "DPO steps (LoRA of rank 32 on all linear layers, no dropout) of the shapes of SmolLM2-135M, of the embedded causal model and (without " +
    "a peer) of FLAN-T5 Small, over pairs of which half of the tokens are answers; beside TRL's trainer where PYTHON names an environment that has it, alternating. " +
    "Both have the reference's log-probabilities already",
  run(report) {
    const rows = [
      ...compared.flatMap((size) => compare(size, schemes, peers, ROUNDS, report)),
      ...compare(encoderDecoder, [exactScheme, int8Scheme], [], ROUNDS, report),
      ...(quick ? [] : growing).flatMap((size) => compare(size, [exactScheme], [exactPeer], 1, report)),
    ];
    return Promise.resolve({
      threads: THREADS,
      rows,
      peer: PYTHON ? "TRL" : "set PYTHON",
      loadAverage: loadavg().map(round),
    });
  },
};

/** A row for each of ours and of the peer's, all of which took turns. */
function compare(
  size: Size,
  schemes: readonly Scheme[],
  peers: readonly Peer[],
  rounds: number,
  report: (message: string) => void,
) {
  const own = schemes.map(() => [] as Result[]);
  const theirs = peers.map(() => [] as Result[]);
  for (let at = 0; at < rounds; at++) {
    report(`${JSON.stringify(size)}, round ${at + 1} of ${rounds}`);
    schemes.forEach((scheme, i) => own[i]!.push(ownSteps(size, scheme)));
    if (PYTHON) peers.forEach((peer, i) => theirs[i]!.push(peerSteps(size, peer)));
  }
  const exact = theirs[0] ?? [];
  return [
    ...schemes.map((scheme, i) => ({ ...size, ...scheme, ...summary(own[i]!, exact) })),
    ...(PYTHON
      ? peers.map(({ mode, checkpointing }, i) => ({
          ...size,
          peer: checkpointing ? `${mode}, checkpointing` : mode,
          ...summary(theirs[i]!, exact),
        }))
      : []),
  ];
}

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

function ownSteps({ shape, pairs, length }: Size, scheme: Scheme): Result {
  const settings = {
    ...{ objective: "dpo", shape, batch: pairs, length, ...(LAYERS < Infinity && { layers: LAYERS }) },
    ...{ dropout: 0, threads: THREADS, ...scheme },
  };
  const child = join(__dirname, "children/llama-steps.ts");
  return lastLine(process.execPath, ["--require", "tsx/cjs", child, JSON.stringify(settings)]);
}

function peerSteps({ shape, pairs, length }: Size, peer: Peer): Result {
  const settings = { config: shapeConfig(shape, LAYERS), pairs, length, ...peer };
  return lastLine(PYTHON!, [join(__dirname, "peers/dpo_steps.py"), JSON.stringify(settings)]);
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
