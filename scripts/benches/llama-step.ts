import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, type BenchResults, quick, round, roundsOf } from "./bench";
import { shapeConfig, type ShapeName } from "./shapes/shapes";

const root = join(__dirname, "../..");
const ROUNDS = roundsOf("LLAMA_STEP_ROUNDS");
const LAYERS = Number(process.env["LLAMA_STEP_LAYERS"] ?? Infinity);
const THREADS = Number(process.env["LLAMA_STEP_THREADS"] ?? 2);
/** A Python with torch, transformers, PEFT and bitsandbytes. */
const PYTHON = process.env["PYTHON"];

interface Result {
  stepSeconds: number[];
  stepCpuSeconds: number[];
  peakRssMiB: number;
  percentOfTime?: Record<string, number>;
}

interface Size {
  readonly shape: ShapeName;
  readonly batch: number;
  readonly length: number;
}
/** The size at which every scheme is compared with the peer's; the others show where the cost grows. */
const compared: Size = { shape: "smollm2-135m", batch: 4, length: 256 };
const growing: readonly Size[] = [
  ...(
    [
      [1, 256],
      [2, 256],
      [2, 512],
    ] as const
  ).map(([batch, length]) => ({ shape: "smollm2-135m", batch, length }) as const),
  ...(
    [
      [8, 64],
      [8, 128],
      [8, 256],
      [1, 128],
      [16, 128],
    ] as const
  ).map(([batch, length]) => ({ shape: "chat-model", batch, length }) as const),
];
const exactScheme = { frozenWeights: "float32", recompute: false };

/** A bare loop of transformers and PEFT, whose logits are of labels alone; or TRL's own trainer. */
interface Peer {
  readonly mode: "fp32" | "bf16" | "nf4";
  readonly checkpointing: boolean;
  readonly trainer?: "TRL";
}
const exactPeer: Peer = { mode: "fp32", checkpointing: false };
const trl: Peer = { mode: "fp32", checkpointing: false, trainer: "TRL" };
const schemes = [
  exactScheme,
  { frozenWeights: "float32", recompute: true },
  { frozenWeights: "int8", recompute: false },
  { frozenWeights: "nf4", recompute: false },
  { frozenWeights: "nf4", recompute: true },
];
const peers: readonly Peer[] = [
  exactPeer,
  { mode: "bf16", checkpointing: false },
  { mode: "nf4", checkpointing: true },
  trl,
  { ...trl, mode: "bf16" },
];

const bench: Bench = {
  description:
    "LoRA steps (rank 32, all seven linear layers, dropout 0.1) of the shapes of SmolLM2-135M and of the embedded causal model, on tokens of " +
    "which half have labels; beside a bare loop of transformers and PEFT, whose logits are of labels alone, too (NF4: with bitsandbytes), and TRL's SFTTrainer, where " +
    "PYTHON names an environment that has them, alternating. " +
    "Seconds of the processor tell more than those of the clock where others use it",
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "bench-llama-step-"));
    try {
      return await measure(report, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

/** @param folder an empty one */
async function measure(report: (message: string) => void, folder: string): Promise<BenchResults> {
  // What bitsandbytes quantises is read from a folder.
  const model = join(folder, "model");
  if (PYTHON) python("llama_steps.py", { ...peerSize(compared), write: model });
  const row = (size: Size, schemes: readonly object[], peers: readonly Peer[], rounds: number) => {
    const own = schemes.map(() => [] as Result[]);
    const theirs = peers.map(() => [] as Result[]);
    for (let round = 0; round < rounds; round++) {
      report(`${JSON.stringify(size)}, round ${round + 1} of ${rounds}`);
      schemes.forEach((scheme, i) => own[i]!.push(ownSteps(size, scheme)));
      if (PYTHON)
        peers.forEach((peer, i) =>
          theirs[i]!.push(peerSteps(peer, { ...peerSize(size), ...(peer.mode === "nf4" && { model }) })),
        );
    }
    const exact = theirs[0]!;
    return [
      ...schemes.map((scheme, i) => ({ ...size, ...scheme, ...summary(own[i]!, exact) })),
      ...(PYTHON
        ? peers.map(({ mode, checkpointing, trainer }, i) => ({
            ...{ ...size, peer: trainer ? `${trainer}, ${mode}` : mode, checkpointing },
            ...summary(theirs[i]!, exact),
          }))
        : []),
    ];
  };
  return {
    threads: THREADS,
    rows: [
      ...row(compared, schemes, peers, ROUNDS),
      ...(quick ? [] : growing).flatMap((size) => row(size, [exactScheme], [exactPeer, trl], 1)),
    ],
    percentOfTime: shares(),
    peer: PYTHON ? "transformers and PEFT" : "set PYTHON",
    loadAverage: loadavg().map(round),
  };
}

const peerSize = ({ shape, ...size }: Size) => ({ ...size, config: shapeConfig(shape, LAYERS) });

/** Medians; how many times as fast as the exact peer of the same round, by the processor's seconds. */
function summary(results: readonly Result[], peer: readonly Result[]) {
  const cpu = ({ stepCpuSeconds }: Result) => median(stepCpuSeconds);
  const ratios = peer.map((theirs, i) => cpu(theirs) / cpu(results[i]!));
  return {
    stepSeconds: round(median(results.map(({ stepSeconds }) => median(stepSeconds)))),
    stepCpuSeconds: round(median(results.map(cpu))),
    peakRssMiB: Math.max(...results.map(({ peakRssMiB }) => peakRssMiB)),
    ...(ratios.length > 0 ? { timesTheExactPeer: round(median(ratios)) } : {}),
  };
}

function ownSteps(size: Size, settings: object): Result {
  const child = join(__dirname, "children/llama-steps.ts");
  const layers = LAYERS < Infinity ? { layers: LAYERS } : {};
  const given = JSON.stringify({ threads: THREADS, ...size, ...layers, ...settings });
  return lastLine(run(process.execPath, ["--require", "tsx/cjs", child, given]));
}

const peerSteps = ({ mode, checkpointing, trainer }: Peer, size: object): Result =>
  lastLine(python(trainer ? "sft_steps.py" : "llama_steps.py", { ...size, mode, checkpointing }));

const python = (script: string, settings: object): string =>
  run(PYTHON!, [join(__dirname, "peers", script), JSON.stringify(settings)]);

function run(program: string, args: string[]): string {
  return execFileSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    // Threads that wait by spinning slow each other down where cores are shared.
    env: { ...process.env, OMP_NUM_THREADS: String(THREADS), OMP_WAIT_POLICY: "PASSIVE" },
  });
}

const lastLine = (output: string) => JSON.parse(output.trim().split("\n").at(-1)!) as Result;

/** The percentage of a step's time that each kind of operation takes, by ONNX Runtime's profile. */
function shares(): Record<string, number> | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bench-llama-step-"));
  try {
    return ownSteps(compared, { steps: 1, profile: join(folder, "profile") }).percentOfTime;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
