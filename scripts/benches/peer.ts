import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { median } from "simple-statistics";
import { round } from "./bench";

const PEER = join(__dirname, "../../../shared/peer/run.sh");

/**
 * Kernels of the peer's BLAS (BLIS 0.9) by its own numbers. It knows processors up to 2021 and gives newer ones its slowest; told
 * to take those of another with the same instructions, it is five times as fast on Zen 5.
 */
const KERNELS = { "its own choice": undefined, "AVX-512": "0", AVX2: "3" } as const;

type Kernels = keyof typeof KERNELS;

/** Those to choose from. A torch that PYTHON names brings a BLAS of its own, which chooses by itself. */
const candidates = (process.env["PYTHON"] ? ["its own choice"] : Object.keys(KERNELS)) as readonly Kernels[];

/** What the peer runs on. */
export interface PeerBlas {
  /** The fastest on this machine. */
  readonly kernels: Kernels;
  /** Of all that run here: the median rate of the peer's products, in 10⁹ operations a second. */
  readonly gflopPerSecond: Readonly<Partial<Record<Kernels, number>>>;
}

/** What a bench says in place of figures. */
export const NO_PEER = "not at ../shared/peer, or without its packages";

let blas: PeerBlas | undefined;

/** Chooses the peer's kernels; undefined where it is missing or lacks its packages. */
export function peerBlas(): PeerBlas | undefined {
  if (blas || !existsSync(PEER)) return blas;
  const measured = candidates.flatMap((kernels) => {
    const result = execute<{ products: { gflops: number }[] }>(["gemm", "--steps", "5"], kernels);
    const rates = result?.products.map(({ gflops }) => gflops);
    return rates ? [[kernels, round(median(rates))] as const] : []; // instructions that are missing here end it
  });
  const [fastest] = [...measured].sort(([, a], [, b]) => b - a);
  if (fastest) blas = { kernels: fastest[0], gflopPerSecond: Object.fromEntries(measured) };
  return blas;
}

/** The JSON line that the peer prints on its fastest kernels; undefined where it cannot run. */
export function runPeer<Result>(args: readonly (string | number)[]): Result | undefined {
  const blas = peerBlas();
  return blas && execute<Result>(args, blas.kernels);
}

function execute<Result>(args: readonly (string | number)[], kernels: Kernels): Result | undefined {
  const { BLIS_ARCH_TYPE: _, ...environment } = process.env;
  const chosen = KERNELS[kernels];
  try {
    const output = execFileSync(PEER, args.map(String), {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...environment, ...(chosen === undefined ? {} : { BLIS_ARCH_TYPE: chosen }) },
    });
    return JSON.parse(output.trim().split("\n").at(-1)!) as Result;
  } catch {
    return undefined;
  }
}
