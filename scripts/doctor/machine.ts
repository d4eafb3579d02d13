/** What a machine has, as far as files and programs of it say. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { arch, availableParallelism, cpus, freemem, homedir, platform, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { defaultThreads } from "../../src/engine";
import { readJson } from "../../src/io";

/** A GPU, and who says that it is there. */
export interface Adapter {
  readonly name: string;
  readonly by: "nvidia-smi" | "vulkaninfo" | "Vulkan driver";
}

/** A program that the project can do without. */
export interface OptionalProgram {
  readonly name: string;
  readonly version: string | undefined;
  /** What it is for, and how to get it. */
  readonly use: string;
}

export interface Machine {
  readonly system: string;
  readonly processor: string;
  /** Hardware threads that this process may use, and threads that a model is given. */
  readonly processors: number;
  readonly threads: number;
  readonly memoryGiB: number;
  readonly freeMemoryGiB: number;
  readonly node: string;
  readonly adapters: readonly Adapter[];
  readonly programs: readonly OptionalProgram[];
}

/** What a program prints, or undefined where there is none or it fails. */
export type Ask = (program: string, ...options: string[]) => string | undefined;

const ask: Ask = (program, ...options) => {
  const { status, stdout } = spawnSync(program, options, { encoding: "utf8", timeout: 20_000 });
  return status === 0 ? stdout.trim() : undefined;
};

/** GPUs that CUDA's and Vulkan's own programs see, and drivers of Vulkan that lie in files. */
export function findAdapters(ask: Ask, drivers: readonly string[]): Adapter[] {
  const nvidia = ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader");
  const vulkan = ask("vulkaninfo", "--summary");
  return [
    ...lines(nvidia).map((line): Adapter => {
      const [name, driver] = line.split(", ");
      return { name: driver === undefined ? name! : `${name}, driver ${driver}`, by: "nvidia-smi" };
    }),
    ...Array.from((vulkan ?? "").matchAll(/deviceName\s*=\s*(.+)/g), ([, name]): Adapter => ({
      name: name!.trim(),
      by: "vulkaninfo",
    })),
    ...drivers.map((name): Adapter => ({ name, by: "Vulkan driver" })),
  ];
}

const lines = (text: string | undefined) => (text ? text.split("\n").filter(Boolean) : []);

/** Libraries that Vulkan's loader would open, by the files that name them. */
export function vulkanDrivers(environment: NodeJS.ProcessEnv, folders: readonly string[]): string[] {
  const named = environment["VK_DRIVER_FILES"] ?? environment["VK_ICD_FILENAMES"];
  const files = named
    ? named.split(delimiter).filter((file) => file.endsWith(".json"))
    : folders.flatMap((folder) =>
        existsSync(folder)
          ? readdirSync(folder)
              .filter((name) => name.endsWith(".json"))
              .map((name) => join(folder, name))
          : [],
      );
  return files.filter(existsSync).flatMap((file) => {
    const { ICD } = readJson(file) as { ICD?: { library_path?: unknown } };
    return typeof ICD?.library_path === "string" ? [ICD.library_path] : [];
  });
}

const vulkanFolders = [
  "/etc/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  join(homedir(), ".local/share/vulkan/icd.d"),
];

export function describeMachine(browser: string | undefined): Machine {
  const GiB = 2 ** 30;
  return {
    system: `${platform()} ${release()}, ${arch()}`,
    processor: cpus()[0]?.model.trim() || "unknown",
    processors: availableParallelism(),
    threads: defaultThreads(),
    memoryGiB: totalmem() / GiB,
    freeMemoryGiB: freemem() / GiB,
    node: process.versions.node,
    adapters: findAdapters(ask, vulkanDrivers(process.env, vulkanFolders)),
    programs: [
      {
        name: "Jupyter",
        version: lines(ask("jupyter", "--version")).join("; ") || undefined,
        use: "opens the notebooks (npm run lab); npm start needs none. pip install jupyterlab",
      },
      {
        name: "Python",
        version: ask("python3", "--version"),
        use: "brings Jupyter; nothing else needs it",
      },
      {
        name: "a browser",
        version: browser,
        use: "draws figures as pictures. Install Chrome, Chromium or Edge, or name one in PERSONA_BROWSER",
      },
    ],
  };
}
