import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compile } from "../../src/engine/compile";
import {
  defaultDevice,
  defaultRecordedDevice,
  type Device,
  devices,
  recordedDevices,
  unavailable,
  useDevice,
} from "../../src/engine/devices";
import { FrozenProgram } from "../../src/engine/frozen";

const root = resolve(__dirname, "../..");
const spec = { dtype: "float32", shape: [1] } as const;
const attempt = (device: Device | undefined) =>
  compile(({ x }) => ({ y: tf.neg(x) }), { x: spec }, { device });

/** The test may change what the environment says. */
function keepEnvironment(t: TestContext): void {
  const before = process.env["DEVICE"];
  t.after(() => {
    if (before === undefined) delete process.env["DEVICE"];
    else process.env["DEVICE"] = before;
  });
}

test("what is not installed is refused with the reason and the way to get it", async () => {
  const before = tf.getBackend();
  await assert.rejects(attempt("tfjs-node"), /tfjs-node cannot be had here: .*\n.*npm rebuild/);
  await assert.rejects(attempt("tfjs-node-gpu"), /tfjs-node-gpu cannot be had here: .*\n.*CUDA 11\.2/);
  await assert.rejects(
    attempt("abacus" as Device),
    /there is no device "abacus": use cpu, webgpu, cuda, tfjs-cpu, tfjs-wasm, tfjs-node, tfjs-node-gpu\./,
  );
  await assert.rejects(attempt("webgup" as Device), /Did you mean webgpu\?/);
  assert.equal(tf.getBackend(), before);
});

test("every device has a way to be got", () => {
  for (const device of devices)
    assert.match(
      unavailable(device, new Error("nothing there.\nand more")).message,
      new RegExp(`^the device ${device} cannot be had here: nothing there\\.\n\\S.{10}`),
    );
});

test("the command that is named to get CUDA's libraries runs what it says, past the switched-off install scripts", () => {
  const { message } = unavailable("cuda", new Error("no library"));
  const [, script, flag, version] = /node (\S+) (--\S+)=(cuda\d+)$/m.exec(message)!;
  const text = readFileSync(join(root, script!), "utf8");
  assert.ok(text.includes(`${flag}=${version} `), `${script} knows ${flag}=${version}`);
  const metadata = readFileSync(join(root, script!, "../install-metadata.js"), "utf8");
  assert.ok(metadata.includes(`'linux/x64:${version}'`), "the package has libraries for this version");
  assert.match(unavailable("webgpu", new Error("no adapter")).message, /apt install libvulkan1/);
});

test("DEVICE says where programs run, unless the call does", async (t) => {
  keepEnvironment(t);
  delete process.env["DEVICE"];
  assert.equal(defaultDevice(), "cpu");
  useDevice("tfjs-node-gpu");
  assert.equal(process.env["DEVICE"], "tfjs-node-gpu");
  await assert.rejects(attempt(undefined), /the device tfjs-node-gpu cannot be had here/);
  await (await attempt("cpu")).dispose();
  assert.throws(() => useDevice("abacus"), /there is no device "abacus"/);
  assert.throws(() => defaultDevice("CPU"), /there is no device "CPU"/);
  assert.equal(process.env["DEVICE"], "tfjs-node-gpu");
});

test("what generates is recorded: under a backend of TensorFlow.js it runs on the cpu", async (t) => {
  keepEnvironment(t);
  for (const device of recordedDevices) {
    process.env["DEVICE"] = device;
    assert.equal(defaultRecordedDevice(), device);
  }
  process.env["DEVICE"] = "tfjs-node-gpu";
  assert.equal(defaultRecordedDevice(), "cpu");
  const double = await FrozenProgram.create(
    ({ x }) => ({ y: tf.mul(x, 2) }),
    { x: spec },
    { constantOf: () => undefined },
  );
  const { y } = await double.run({ x: { ...spec, data: Float32Array.of(4) } }, ["y"]);
  assert.deepEqual([...y.data], [8]);
  await double.dispose();
});

test(
  "a process without a GPU refuses one with the reason and the remedy",
  { skip: process.env["DEVICE"] !== undefined },
  () => {
    const code = `
    const { compile } = require("./src/engine");
    const x = { dtype: "float32", shape: [1] };
    compile(({ x }) => ({ y: x.square() }), { x }).then(
      () => console.log("ran"),
      (error) => console.log(error.message),
    );`;
    const say = (device: string) =>
      execFileSync(process.execPath, ["--require", "tsx/cjs", "--eval", code], {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, DEVICE: device, VK_DRIVER_FILES: "/nowhere.json" },
        stdio: ["ignore", "pipe", "ignore"],
      });
    assert.match(say("cpu"), /^ran/);
    assert.match(say("tfjs-wasm"), /^ran/);
    assert.match(say("cuda"), /^(ran|the device cuda cannot be had here: .*\n.*NVIDIA driver)/);
    assert.match(say("webgpu"), /^(ran|the device webgpu cannot be had here: .*\n.*libvulkan1)/);
    assert.match(say("abacus"), /^there is no device "abacus"/);
  },
);
