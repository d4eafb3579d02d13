// Times whole RLOO iterations of a model's shapes (rollout, score, logprobs, update), in a process of its own so that its
// peak memory is its own:   rloo-iterations.ts '{"prompts":2,"completions":4}'      prints one JSON line
// Weights are random, or those of the folder PERSONA_CHAT_MODEL.
import { z } from "zod";
import { tmpdir } from "node:os";
import { openModelDirectory } from "../../../src/models";
import { Random } from "../../../src/random";
import { lengthReward } from "../../../src/rewards";
import {
  DEFAULT_TRAINING,
  type FrozenModel,
  liveGenerator,
  loraPolicy,
  onlineRollouts,
  rlooObjective,
  Stepper,
} from "../../../src/training";
import { round } from "../bench";
import { randomModel, shapeNames } from "../shapes/shapes";

const settings = z
  .strictObject({
    prompts: z.int().positive().default(2),
    completions: z.int().min(2).default(4),
    promptLength: z.int().positive().default(32),
    newTokens: z.int().positive().default(32),
    shape: z.enum(shapeNames).default("smollm2-135m"),
    layers: z.int().positive().optional(),
    iterations: z.int().positive().default(2),
    threads: z.int().positive().default(2),
  })
  .parse(JSON.parse(process.argv[2] ?? "{}"));

async function main(): Promise<void> {
  const { prompts, completions, promptLength, newTokens, iterations, threads } = settings;
  const folder = process.env["PERSONA_CHAT_MODEL"];
  const model = folder ? openModelDirectory(folder) : randomModel(settings.shape, settings.layers);
  const targetModules = [...model.architecture.defaultTargets];
  const policy = loraPolicy(model, {
    lora: { rank: 32, alpha: 64, dropout: 0, useRslora: false, targetModules, modulesToSave: [] },
    unfreezing: {},
    seed: 1,
    baseModel: null,
    dropout: false,
  });
  const objective = rlooObjective();
  const reference: FrozenModel = {
    parameters: policy.frozen,
    model: (parameters) => model.architecture.model(model.config, parameters),
    fingerprint: "base",
  };
  const shapes = model.architecture.parameterShapes(model.config);
  const [vocabulary = 0] = (shapes["model.embed_tokens.weight"] ?? shapes["shared.weight"])!;
  const random = new Random(2);
  const ids = () => Array.from({ length: promptLength }, () => 3 + random.integer(vocabulary - 3));
  const rollouts = onlineRollouts(
    {
      ...{ policy, objective, reference, reward: lengthReward(newTokens / 2), engine: { threads } },
      generator: () => liveGenerator(model, policy, { threads }),
      prompts: Array.from({ length: prompts }, () => ({ ids: ids(), text: "" })),
      decode: (tokens) => tokens.join(" "),
    },
    {
      ...{ promptsPerIteration: prompts, completionsPerPrompt: completions, maxNewTokens: newTokens },
      ...{ batchSize: prompts * completions, kl: { coefficient: 0.05 }, seed: 1 },
    },
  );
  const stepper = new Stepper(
    policy,
    objective,
    { ...DEFAULT_TRAINING, outputDirectory: tmpdir(), seed: 1 },
    { threads },
  );
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  const updateSeconds: number[] = [];
  let completionTokens = 0;
  // The first one compiles.
  for (let iteration = 0; iteration <= iterations; iteration++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    const collected = await rollouts.collect(iteration);
    const collectedAt = performance.now();
    for (const batches of collected.steps(0)) await stepper.take(iteration, batches, 1e-4);
    const { user, system } = process.cpuUsage(before);
    if (iteration === 0) continue;
    seconds.push(round((performance.now() - start) / 1000));
    updateSeconds.push(round((performance.now() - collectedAt) / 1000));
    cpuSeconds.push(round((user + system) / 1e6));
    completionTokens = collected.metrics["completions/mean_length"]! * prompts * completions;
  }
  await Promise.all([rollouts.dispose(), stepper.dispose()]);
  const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(
    `${JSON.stringify({ seconds, cpuSeconds, updateSeconds, completionTokens, peakRssMiB })}\n`,
  );
}

void main();
