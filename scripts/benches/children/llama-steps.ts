// Times whole LoRA steps of a model's shapes (DPO steps of an encoder–decoder's, too), in a process of its own so that its peak memory is its own:
//   llama-steps.ts '{"batch":4,"length":256,"frozenWeights":"float32"}'      prints one JSON line
//   llama-steps.ts '{"objective":"dpo","batch":2,"length":256}'              of a DPO step, whose batch counts pairs
// Weights are random, or those of the folder PERSONA_CHAT_MODEL.
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { readJson } from "../../../src/io";
import { type Model, openModelDirectory } from "../../../src/models";
import { Random } from "../../../src/random";
import {
  causalExample,
  collate,
  crossEntropyObjective,
  DEFAULT_TRAINING,
  dpoObjective,
  frozenWeights,
  loraPolicy,
  packedBatchTensors,
  pairBatches,
  ROWS_TO_MULTIPLE_OF,
  Stepper,
} from "../../../src/training";
import { round } from "../bench";
import { randomModel, shapeNames } from "../shapes/shapes";

const settings = z
  .object({
    objective: z.enum(["cross-entropy", "dpo"]).default("cross-entropy"),
    batch: z.number().int().positive().default(4),
    length: z.number().int().positive().default(256),
    shape: z.enum(shapeNames).default("smollm2-135m"),
    layers: z.number().int().positive().optional(),
    frozenWeights: z.enum(frozenWeights).default("float32"),
    recompute: z.boolean().default(false),
    dropout: z.number().default(0.1),
    steps: z.number().int().positive().default(3),
    threads: z.number().int().positive().default(2),
    /** Writes ONNX Runtime's profile to a file that begins with this, and reports shares of the time. */
    profile: z.string().optional(),
  })
  .strict()
  .parse(JSON.parse(process.argv[2] ?? "{}"));

async function main(): Promise<void> {
  const { batch, length, dropout, profile, steps, threads } = settings;
  const folder = process.env["PERSONA_CHAT_MODEL"];
  const opened = folder ? openModelDirectory(folder) : undefined;
  const model = opened ?? randomModel(settings.shape, settings.layers);
  const { taskType } = model.architecture;
  const { policy, vocabulary } = policyOf(model, dropout);
  opened?.close();
  const random = new Random(2);
  const ids = (count: number) => Array.from({ length: count }, () => 3 + random.integer(vocabulary - 3));
  const half = Math.floor(length / 2);
  const { objective, tensors } = settings.objective === "dpo" ? preferences() : targets();
  const stepper = new Stepper(
    policy,
    objective,
    { ...DEFAULT_TRAINING, outputDirectory: tmpdir(), seed: 1 },
    profile ? { threads, profile } : { threads },
  );
  const stepSeconds: number[] = [];
  const stepCpuSeconds: number[] = [];
  const losses: number[] = [];
  let compileSeconds = 0;
  for (let step = 0; step <= steps; step++) {
    const start = performance.now();
    const before = process.cpuUsage();
    const { loss } = await stepper.take(step, [tensors], 1e-4);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    if (step > 0) stepCpuSeconds.push(round((user + system) / 1e6));
    losses.push(round(loss));
    if (step === 0) compileSeconds = seconds;
    else stepSeconds.push(round(seconds));
  }
  const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  await stepper.dispose();
  const trained = [...policy.trained.values()].reduce((sum, { data }) => sum + data.length, 0);
  const shares = profile ? { percentOfTime: percentOfTime(profile) } : {};
  console.log(
    JSON.stringify({
      stepSeconds,
      stepCpuSeconds,
      firstStepSeconds: round(compileSeconds),
      losses,
      trained,
      peakRssMiB,
      ...shares,
    }),
  );

  /** Rows of which half have labels. */
  function targets() {
    const examples = Array.from({ length: batch }, () =>
      causalExample({ inputIds: ids(length - half), labels: ids(half) }),
    );
    const padded = collate(examples, [...examples.keys()], {
      padTokenId: 2,
      rows: batch,
      padToMultipleOf: 8,
    });
    return { objective: crossEntropyObjective(), tensors: packedBatchTensors(padded, ROWS_TO_MULTIPLE_OF) };
  }

  /** Pairs of answers of half the length, with made-up log-probabilities of a reference. */
  function preferences() {
    const pairs = Array.from({ length: batch }, () => ({
      promptIds: ids(length - half),
      chosenIds: ids(half),
      rejectedIds: ids(half),
    }));
    const scored = { pairs, referenceLogprobs: new Float32Array(2 * batch).fill(-10 * half) };
    const options = {
      taskType,
      padTokenId: 2,
      padToMultipleOf: 8,
      reference: "made up",
    };
    const none = { pairs: [], referenceLogprobs: new Float32Array() };
    const tensors = pairBatches(scored, none, options).batch([...pairs.keys()], batch);
    return { objective: dpoObjective(), tensors };
  }
}

/** The policy alone is kept, so that weights which it rounds are not held as float32 beside it. */
function policyOf(model: Model, dropout: number) {
  const lora = {
    rank: 32,
    alpha: 64,
    dropout,
    useRslora: false,
    targetModules: [...model.architecture.defaultTargets],
    modulesToSave: [],
  };
  const policy = loraPolicy(model, {
    lora,
    unfreezing: {},
    seed: 1,
    baseModel: null,
    frozenWeights: settings.frozenWeights,
    recompute: settings.recompute,
  });
  const shapes = model.architecture.parameterShapes(model.config);
  const [vocabulary] = (shapes["model.embed_tokens.weight"] ?? shapes["shared.weight"])!;
  return { policy, vocabulary: vocabulary! };
}

/** The percentage of the steps' time that each kind of operation takes, by ONNX Runtime's profile. */
function percentOfTime(profile: string): Record<string, number> {
  const file = readdirSync(dirname(profile)).find((name) => name.startsWith(basename(profile)))!;
  const events = readJson(join(dirname(profile), file)) as {
    cat: string;
    name: string;
    dur: number;
    args?: { op_name?: string };
  }[];
  const times = new Map<string, number>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time") || !args?.op_name) continue;
    times.set(args.op_name, (times.get(args.op_name) ?? 0) + dur);
  }
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, 12);
  return Object.fromEntries(sorted.map(([kind, time]) => [kind, round((100 * time) / all)]));
}

void main();
