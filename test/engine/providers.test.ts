import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { unpackBrowser } from "../../src/figures/browser";

const root = resolve(__dirname, "../..");
const skip =
  process.platform === "linux" && process.arch === "x64"
    ? false
    : "the software GPU of @sparticuz/chromium is for Linux on x64 only";

// SwiftShader, a GPU in software that comes with Chromium, is a Vulkan device, which WebGPU computes on. Vulkan looks for its
// devices when a process starts.
const files = [
  "test/engine/on-device.ts",
  "test/engine/ops.test.ts",
  "test/engine/int8-product.test.ts",
  "test/engine/kernels.test.ts",
  "test/models/t5/parity.test.ts",
];
for (const file of files) {
  test(`on WebGPU: ${file}`, { skip, timeout: 900_000 }, async () => {
    const folder = dirname((await unpackBrowser()).path);
    const child = spawn(process.execPath, ["--import", "tsx", "--test", "--test-reporter=tap", file], {
      cwd: root,
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined, // else the child reports to the runner of this file
        DEVICE: "webgpu",
        LD_LIBRARY_PATH: [folder, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
        VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    assert.equal(code, 0, `${out}\n${errors}`);
    const passed = Number(/^# pass (\d+)$/m.exec(out)?.[1] ?? 0);
    assert.ok(passed > 0 || /# SKIP/.test(out), out);
  });
}
