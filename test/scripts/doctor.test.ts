import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { DeviceState } from "../../scripts/doctor/device";
import { findAdapters, vulkanDrivers } from "../../scripts/doctor/machine";
import { describeDiagnosis, type Diagnosis, fastest } from "../../scripts/doctor/report";

const root = resolve(__dirname, "../..");
const doctor = (...options: string[]) =>
  spawnSync(process.execPath, ["--require", "tsx/cjs", "scripts/doctor.ts", ...options], {
    cwd: root,
    encoding: "utf8",
  });

const works = (device: DeviceState["device"], stepMilliseconds: number): DeviceState => ({
  device,
  state: "works",
  gigaflops: 50,
  stepMilliseconds,
});

test("as JSON: the machine, a device that works with its speed, one that is not installed with the remedy", () => {
  const { stdout, stderr, status } = doctor("--json", "cpu", "tfjs-node");
  assert.equal(status, 0, stderr);
  const { machine, devices } = JSON.parse(stdout) as Diagnosis;
  assert.equal(machine.node, process.versions.node);
  assert.ok(machine.processors >= 1 && machine.threads >= 1 && machine.memoryGiB > 0.1, stdout);
  assert.deepEqual(
    devices.map(({ device, state }) => [device, state]),
    [
      ["cpu", "works"],
      ["tfjs-node", "absent"],
    ],
  );
  assert.ok(devices[0]!.gigaflops! > 0.1 && devices[0]!.stepMilliseconds! > 1, stdout);
  assert.match(devices[1]!.reason!, /cannot be had here: .*\n.*npm rebuild/);
});

test("a device of another name is refused with those that there are", () => {
  const { stderr, status } = doctor("webgup");
  assert.equal(status, 1);
  assert.match(stderr, /no device webgup: cpu, webgpu, cuda, .*Did you mean webgpu\?/);
});

test("the fastest of those whose gradients are right is recommended", () => {
  const devices: DeviceState[] = [
    works("cpu", 40),
    works("webgpu", 20),
    { device: "cuda", state: "wrong", reason: "cuda must not train: the result of gelu is off" },
    {
      device: "tfjs-node",
      state: "absent",
      reason: "the device tfjs-node cannot be had here: no.\nIt needs Node 20",
    },
  ];
  assert.equal(fastest(devices)?.device, "webgpu");
  assert.equal(fastest(devices.slice(2)), undefined);
  const machine: Diagnosis["machine"] = {
    ...{
      system: "linux",
      processor: "a processor",
      processors: 1,
      threads: 2,
      memoryGiB: 4,
      freeMemoryGiB: 1,
    },
    node: "22.13.0",
    adapters: [{ name: "NVIDIA H100", by: "nvidia-smi" }],
    programs: [
      { name: "Python", version: "Python 3.11", use: "brings Jupyter" },
      { name: "Jupyter", version: undefined, use: "opens the notebooks" },
    ],
  };
  const said = describeDiagnosis({ machine, devices });
  assert.match(said, /a processor, 1 processor, 2 threads a model/);
  assert.match(said, /NVIDIA H100 \(nvidia-smi\)/);
  assert.match(
    said,
    /✓ webgpu: works, its gradients are right: products 50\.0 GFLOP\/s, a small LoRA step 20\.0 ms/,
  );
  assert.match(said, /✗ cuda: must not train\n {4}cuda must not train: the result/);
  assert.match(said, /– tfjs-node: cannot be had here\n {4}the device .*\n {4}It needs Node 20/);
  assert.match(said, /fastest device here is webgpu: --device webgpu, or DEVICE=webgpu/);
  assert.match(said, /– Jupyter: not found; it opens the notebooks/);
  assert.match(describeDiagnosis({ machine, devices: [works("cpu", 3)] }), /nothing is to be set/);
  const cuda = { device: "cuda", state: "absent", reason: "no library" } as const;
  assert.match(
    describeDiagnosis({ machine, devices: [cuda] }),
    /None of those tried works here: leave it at the cpu/,
  );
  assert.match(
    describeDiagnosis({ machine: { ...machine, adapters: [] }, devices: [] }),
    /none found[^]*No device works/,
  );
});

test("GPUs are named by who sees them", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vulkan-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "one.json"), JSON.stringify({ ICD: { library_path: "libGLX_nvidia.so.0" } }));
  writeFileSync(join(folder, "two.json"), "{}");
  assert.deepEqual(vulkanDrivers({}, [folder, join(folder, "none")]), ["libGLX_nvidia.so.0"]);
  assert.deepEqual(vulkanDrivers({ VK_DRIVER_FILES: join(folder, "gone.json") }, [folder]), []);
  const says: Record<string, string> = {
    "nvidia-smi": "NVIDIA H100 80GB HBM3, 550.54.15",
    vulkaninfo:
      "GPU0:\n\tapiVersion = 1.3\n\tdeviceName         = NVIDIA H100\nGPU1:\n\tdeviceName = llvmpipe (LLVM 15)",
  };
  assert.deepEqual(
    findAdapters((program) => says[program], ["libvk.so"]),
    [
      { name: "NVIDIA H100 80GB HBM3, driver 550.54.15", by: "nvidia-smi" },
      { name: "NVIDIA H100", by: "vulkaninfo" },
      { name: "llvmpipe (LLVM 15)", by: "vulkaninfo" },
      { name: "libvk.so", by: "Vulkan driver" },
    ],
  );
  assert.deepEqual(
    findAdapters(() => undefined, []),
    [],
  );
});
