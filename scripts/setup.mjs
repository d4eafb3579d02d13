// Installs the dependencies where they are missing or older than the lockfile. Plain JavaScript, because it runs
// before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import node from "./node-version.cjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Ends the process if its Node is too old. Runs `npm ci` if node_modules is absent or was made from another lockfile; ends the process if that fails. */
export function setUp() {
  node.checkNode();
  if (isInstalled()) return;
  console.log("Installing dependencies (npm ci) …");
  const { status } = spawnSync("npm", ["ci"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("npm ci failed. environment.md says what an installation needs (network, proxy, disk).");
    process.exit(status ?? 1);
  }
}

function isInstalled() {
  const modules = new URL("../node_modules", import.meta.url);
  const record = new URL("../node_modules/.package-lock.json", import.meta.url);
  if (!existsSync(record)) return false;
  if (lstatSync(modules).isSymbolicLink()) return true;
  const made = statSync(record).mtimeMs;
  return ["../package.json", "../package-lock.json"].every(
    (file) => statSync(new URL(file, import.meta.url)).mtimeMs <= made,
  );
}

/**
 * Settings of glibc's allocator, elsewhere without effect: large blocks come from a heap that is not given back between
 * uses, in pages of 2 MiB where the kernel has them. ONNX Runtime allocates and frees every tensor of a run; new small pages
 * for the two largest alone would cost a third of a training step. jupyter/kernels/tslab/kernel.json has the same.
 */
const allocator = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};

/** Runs Node in the project's folder and returns its exit code. A Ctrl-C is left to the program that runs; it is told of a SIGTERM. */
export async function runNode(...args) {
  const ignore = () => {};
  process.on("SIGINT", ignore);
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...allocator, ...process.env },
  });
  const pass = () => child.kill("SIGTERM");
  process.on("SIGTERM", pass);
  const [code] = await once(child, "exit");
  process.off("SIGTERM", pass);
  process.off("SIGINT", ignore);
  return code ?? 1;
}
