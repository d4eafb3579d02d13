import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { type Bench, type BenchResults, round } from "./bench";

const root = join(__dirname, "../..");
const ROUNDS = Number(process.env["LLAMA_STEP_ROUNDS"] ?? 3);
const LAYERS = Number(process.env["LLAMA_STEP_LAYERS"] ?? 30);
const THREADS = Number(process.env["LLAMA_STEP_THREADS"] ?? 2);
/** A Python with torch, transformers, PEFT and bitsandbytes. */
const PYTHON = process.env["PYTHON"];

interface Result {
  stepSeconds: number[];
  stepCpuSeconds: number[];
  peakRssMiB: number;
  percentOfTime?: Record<string, number>;
}

const shape = { batch: 4, length: 256, layers: LAYERS };
const schemes = [
  { frozenWeights: "float32", recompute: false },
  { frozenWeights: "float32", recompute: true },
  { frozenWeights: "int8", recompute: false },
  { frozenWeights: "nf4", recompute: false },
  { frozenWeights: "nf4", recompute: true },
];
const peers = [
  { mode: "fp32", checkpointing: false },
  { mode: "bf16", checkpointing: false },
  { mode: "nf4", checkpointing: true },
];

const bench: Bench = {
  description:
    "LoRA steps (rank 32, all seven linear layers, dropout 0.1) of SmolLM2-135M's shapes on 4 × 256 tokens of which half have labels; " +
    "beside transformers and PEFT (NF4: with bitsandbytes) where PYTHON names an environment that has them, alternating; the peer's logits are of labels alone, too. " +
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
  if (PYTHON) python({ ...shape, write: model });
  const own = schemes.map(() => [] as Result[]);
  const theirs = peers.map(() => [] as Result[]);
  for (let round = 0; round < ROUNDS; round++) {
    report(`round ${round + 1} of ${ROUNDS}`);
    schemes.forEach((scheme, i) => own[i]!.push(ownSteps({ ...shape, ...scheme })));
    if (PYTHON)
      peers.forEach((peer, i) =>
        theirs[i]!.push(peerSteps({ ...shape, ...peer, ...(peer.mode === "nf4" && { model }) })),
      );
  }
  const exact = theirs[0]!;
  const rows = [
    ...schemes.map((scheme, i) => ({ ...scheme, ...shape, ...summary(own[i]!, exact) })),
    ...(PYTHON
      ? peers.map(({ mode, checkpointing }, i) => ({
          peer: mode,
          checkpointing,
          ...shape,
          ...summary(theirs[i]!, exact),
        }))
      : []),
  ];
  const growing = [
    { batch: 1, length: 256 },
    { batch: 2, length: 256 },
    { batch: 2, length: 512 },
  ].map((size) => {
    report(JSON.stringify(size));
    return {
      ...shape,
      ...size,
      frozenWeights: "float32",
      ...summary([ownSteps({ ...shape, ...size, steps: 2 })], []),
    };
  });
  return {
    threads: THREADS,
    rows: [...rows, ...growing],
    percentOfTime: shares(),
    peer: PYTHON ? "transformers and PEFT" : "set PYTHON",
    loadAverage: loadavg().map(round),
  };
}

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

function ownSteps(settings: object): Result {
  const child = join(__dirname, "children/llama-steps.ts");
  const given = JSON.stringify({ threads: THREADS, ...settings });
  return lastLine(run(process.execPath, ["--import", "tsx", child, given]));
}

const peerSteps = (settings: object): Result => lastLine(python(settings));

const python = (settings: object): string =>
  run(PYTHON!, [join(__dirname, "peers/llama_steps.py"), JSON.stringify(settings)]);

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
    return ownSteps({ ...shape, steps: 1, profile: join(folder, "profile") }).percentOfTime;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
