/** Tries one device, in a process of its own, as a driver may end it: device.ts DEVICE prints a {@link DeviceState} as JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { checkGradients, compile, type Device, deviceNamed } from "../../src/engine";
import { loadBase } from "../../src/experiments";
import { DEFAULT_LORA } from "../../src/models";
import {
  crossEntropyObjective,
  DEFAULT_TRAINING,
  exampleBatches,
  loraPolicy,
  train,
} from "../../src/training";

/** What became of a device: whether it can be had, whether its gradients are right, and how fast it is. */
export interface DeviceState {
  readonly device: Device;
  /** `wrong`: it computes, but must not train. */
  readonly state: "works" | "wrong" | "absent";
  /** Why it does not work, and what to do about it. */
  readonly reason?: string;
  /** Thousand million operations a second, of products of 512 × 512. */
  readonly gigaflops?: number;
  /** A LoRA step of the embedded model. */
  readonly stepMilliseconds?: number;
}

const SIZE = 512;
const PRODUCTS = 8;

async function gigaflops(device: Device): Promise<number> {
  const square = { dtype: "float32", shape: [SIZE, SIZE] } as const;
  const program = await compile(
    ({ x, weight }) => {
      let y = x;
      for (let i = 0; i < PRODUCTS; i++) y = tf.matMul(y, weight);
      return { y: tf.sum(y) };
    },
    { x: square, weight: square },
    { device },
  );
  const given = { ...square, data: new Float32Array(SIZE * SIZE).fill(1 / SIZE) };
  const run = () => program.run({ x: given, weight: given });
  await run();
  const seconds = await shortest(3, run);
  await program.dispose();
  return (2 * PRODUCTS * SIZE ** 3) / seconds / 1e9;
}

async function shortest(times: number, run: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await run();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

/** The shortest of three steps behind the first, of 4 examples with 64 tokens and 32 labels. */
async function stepMilliseconds(device: Device): Promise<number> {
  const base = await loadBase("quick");
  const example = {
    inputIds: Array.from({ length: 64 }, (_, i) => 5 + i),
    labels: Array.from({ length: 32 }, (_, i) => 5 + i),
  };
  const { architecture, config } = base.checkpoint;
  const spec = {
    policy: loraPolicy(base.checkpoint, {
      lora: DEFAULT_LORA,
      unfreezing: {},
      seed: 0,
      baseModel: null,
    }),
    objective: crossEntropyObjective(0),
    data: exampleBatches(
      Array.from({ length: 4 }, () => example),
      [],
      {
        taskType: architecture.taskType,
        padTokenId: config.padTokenId,
        padToMultipleOf: 32,
      },
    ),
  };
  const outputDirectory = mkdtempSync(join(tmpdir(), "doctor-"));
  try {
    const options = {
      ...DEFAULT_TRAINING,
      outputDirectory,
      maxSteps: 4,
      batchSize: 4,
      evalSteps: 0,
      saveSteps: 0,
    };
    const { log } = await train(spec, options, { engine: { device } });
    return 1000 * Math.min(...log.slice(1).map(({ seconds }) => seconds));
  } finally {
    base.checkpoint.close();
    rmSync(outputDirectory, { recursive: true });
  }
}

async function tryDevice(device: Device): Promise<DeviceState> {
  const refused = (state: DeviceState["state"], error: unknown) => ({
    device,
    state,
    reason: error instanceof Error ? error.message : String(error),
  });
  let rate: number;
  try {
    rate = await gigaflops(device);
  } catch (error) {
    return refused("absent", error);
  }
  try {
    await checkGradients({ device });
    return { device, state: "works", gigaflops: rate, stepMilliseconds: await stepMilliseconds(device) };
  } catch (error) {
    return { ...refused("wrong", error), gigaflops: rate };
  }
}

if (require.main === module)
  void tryDevice(deviceNamed(process.argv[2]!)).then((state) => {
    process.stdout.write(JSON.stringify(state), () => process.exit());
  });
