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
const KERNELS = { "BLIS's choice": undefined, "AVX-512": "0", AVX2: "3" } as const;

/** What the peer runs on: the fastest of its kernels on this machine, with the median rate of its products, in 10⁹ operations a second. */
export interface PeerBlas {
  readonly kernels: keyof typeof KERNELS;
  readonly gflopPerSecond: number;
}

let blas: PeerBlas | undefined;

/** Chooses the peer's kernels; undefined where it is missing or lacks its packages. */
export function peerBlas(): PeerBlas | undefined {
  if (blas || !existsSync(PEER)) return blas;
  const measured = (Object.keys(KERNELS) as PeerBlas["kernels"][]).flatMap((kernels) => {
    const result = execute<{ products: { gflops: number }[] }>(["gemm", "--steps", "5"], kernels);
    const rates = result?.products.map(({ gflops }) => gflops);
    return rates ? [{ kernels, gflopPerSecond: round(median(rates)) }] : []; // instructions that are missing here end it
  });
  [blas] = measured.sort((a, b) => b.gflopPerSecond - a.gflopPerSecond);
  return blas;
}

/** The JSON line that the peer prints on its fastest kernels; undefined where it cannot run. */
export function runPeer<Result>(args: readonly (string | number)[]): Result | undefined {
  const blas = peerBlas();
  return blas && execute<Result>(args, blas.kernels);
}

function execute<Result>(
  args: readonly (string | number)[],
  kernels: PeerBlas["kernels"],
): Result | undefined {
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
