/** What `npm run doctor` says, as lines. */
import type { DeviceState } from "./device";
import type { Machine } from "./machine";

export interface Diagnosis {
  readonly machine: Machine;
  readonly devices: readonly DeviceState[];
}

/** The fastest device in a LoRA step, of those whose gradients are right; undefined where none is. */
export function fastest(devices: readonly DeviceState[]): DeviceState | undefined {
  return devices
    .filter(({ state, stepMilliseconds }) => state === "works" && stepMilliseconds !== undefined)
    .sort((a, b) => a.stepMilliseconds! - b.stepMilliseconds!)[0];
}

const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const marks = { works: "✓", wrong: "✗", absent: "–" } as const;

function describeDevice({ device, state, reason, gigaflops, stepMilliseconds }: DeviceState): string[] {
  const speed = [
    ...(gigaflops === undefined ? [] : [`products ${digits(gigaflops)} GFLOP/s`]),
    ...(stepMilliseconds === undefined ? [] : [`a small LoRA step ${digits(stepMilliseconds)} ms`]),
  ].join(", ");
  const said = {
    works: `works, its gradients are right: ${speed}`,
    wrong: `must not train${speed && `: ${speed}`}`,
    absent: "cannot be had here",
  }[state];
  return [
    `${marks[state]} ${device}: ${said}`,
    ...(reason ?? "")
      .split("\n")
      .filter(Boolean)
      .map((line) => `    ${line}`),
  ];
}

/** The diagnosis in words: what is there, what works and how fast, what to install for the rest. */
export function describeDiagnosis({ machine, devices }: Diagnosis): string {
  const { system, processor, processors, threads, memoryGiB, freeMemoryGiB, node, adapters, programs } =
    machine;
  const best = fastest(devices);
  const advice =
    best === undefined
      ? devices.length === 0 || devices.some(({ device }) => device === "cpu")
        ? "No device works. Run npm ci again."
        : "None of those tried works here: leave it at the cpu, the default."
      : best.device === "cpu"
        ? "The cpu is the fastest device here, and the default: nothing is to be set."
        : `The fastest device here is ${best.device}: --device ${best.device}, or DEVICE=${best.device}.`;
  return [
    `Machine: ${system}; ${processor}, ${processors} ${processors === 1 ? "processor" : "processors"}, ${threads} ${threads === 1 ? "thread" : "threads"} a model`,
    `Memory:  ${memoryGiB.toFixed(1)} GiB, ${freeMemoryGiB.toFixed(1)} free`,
    `Node:    ${node}`,
    `GPUs:    ${adapters.map(({ name, by }) => `${name} (${by})`).join("; ") || "none found by nvidia-smi, vulkaninfo or a driver of Vulkan"}`,
    "",
    "Devices (--device):",
    ...devices.flatMap(describeDevice),
    "",
    advice,
    "",
    "Optional:",
    ...programs.map(
      ({ name, version, use }) =>
        `${version === undefined ? "–" : "✓"} ${name}: ${version ?? `not found; it ${use}`}`,
    ),
  ].join("\n");
}
