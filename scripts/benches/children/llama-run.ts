// Trains LoRA on SmolLM2 (the folder or file PERSONA_CHAT_MODEL) with replies of the sample's dialogues, in a process of its own:
//   llama-run.ts '{"frozenWeights":"int8","steps":30,"directory":"outputs/llama-run"}'      prints one JSON line
// A run that was killed goes on from its last checkpoint.
import { join } from "node:path";
import { mean, median } from "simple-statistics";
import { z } from "zod";
import { loadCorpus, type SpcRow } from "../../../src/corpus";
import { type Architecture, openPretrained, type Tokenizer } from "../../../src/models";
import {
  crossEntropyObjective,
  DEFAULT_TRAINING,
  type Example,
  evaluateSpec,
  exampleBatches,
  frozenWeights,
  loraPolicy,
  type LoraPolicy,
  type ParameterMap,
  train,
  TrainingPrograms,
  type TrainingSpec,
  zerosLike,
} from "../../../src/training";
import { round } from "../bench";

const settings = z
  .object({
    frozenWeights: z.enum(frozenWeights).default("float32"),
    /** Which frozen layers stay exact besides those that the architecture names, by a pattern of their names. */
    exact: z.string().default("^$"),
    batch: z.number().int().positive().default(4),
    steps: z.number().int().nonnegative().default(30),
    saveSteps: z.number().int().nonnegative().default(0),
    longest: z.number().int().positive().default(128),
    threads: z.number().int().positive().default(2),
    learningRate: z.number().positive().default(2e-4),
    /** Compares the first gradient with that of the exact base, instead of training. */
    compare: z.boolean().default(false),
    directory: z.string(),
  })
  .strict()
  .parse(JSON.parse(process.argv[2] ?? "{}"));

type LoraSpec = TrainingSpec<LoraPolicy>;

/** Each second speaker's reply with the dialogue before it, its persona in the system's message. */
function examplesOf(rows: readonly SpcRow[], tokenizer: Tokenizer): Example[] {
  return rows.flatMap(({ personas, turns }) => {
    const system = { role: "system", content: `You are this person: ${personas[1].facts.join(" ")}` };
    const messages = turns.map(({ speaker, text }) => ({
      role: speaker === 2 ? "assistant" : "user",
      content: text,
    }));
    return messages.flatMap(({ role }, i) => {
      if (role !== "assistant") return [];
      const before = tokenizer.encode(
        tokenizer.chatText([system, ...messages.slice(0, i)], { addGenerationPrompt: true }),
        { addEos: false },
      );
      const labels = tokenizer.encode(messages[i]!.content);
      return before.length + labels.length > settings.longest ? [] : [{ inputIds: before, labels }];
    });
  });
}

async function main(): Promise<void> {
  const { batch, steps, threads, directory, saveSteps, learningRate } = settings;
  const source = process.env["PERSONA_CHAT_MODEL"];
  if (!source) throw new Error("set PERSONA_CHAT_MODEL to SmolLM2's folder");
  const { checkpoint, tokenizer } = await openPretrained({ kind: "directory", directory: source, why: "" });
  const { splits } = await loadCorpus();
  const train192 = examplesOf(splits.train, tokenizer);
  const validation = examplesOf(splits.valid, tokenizer).slice(0, 24);
  const specOf = (weights: (typeof frozenWeights)[number], exact: string): LoraSpec => {
    const { architecture } = checkpoint;
    const keeps = new RegExp(exact);
    const chosen: Architecture = {
      ...architecture,
      keepsPrecision: (name) => architecture.keepsPrecision(name) || keeps.test(name),
    };
    return {
      policy: loraPolicy(
        { ...checkpoint, architecture: chosen },
        {
          lora: {
            rank: 32,
            alpha: 64,
            dropout: 0.1,
            useRslora: false,
            targetModules: [...architecture.defaultTargets],
            modulesToSave: [],
          },
          unfreezing: {},
          seed: 1,
          baseModel: null,
          frozenWeights: weights,
        },
      ),
      objective: crossEntropyObjective(),
      data: exampleBatches(train192, validation, {
        taskType: "CAUSAL_LM",
        padTokenId: tokenizer.padId,
        padToMultipleOf: settings.longest,
      }),
    };
  };
  if (settings.compare) {
    const exact = await firstGradient(specOf("float32", "^$"), 0);
    const other = await firstGradient(specOf("float32", "^$"), 1);
    console.log(JSON.stringify({ scheme: "another batch, float32", ...compared(other, exact) }));
    for (const [weights, keeps] of [
      ["int8", "^$"],
      ["int8", "[qk]_proj"],
      ["int8", "down_proj"],
      ["int8", "[qk]_proj|down_proj"],
      ["int8", "o_proj|down_proj"],
      ["int8", "mlp"],
      ["nf4", "^$"],
    ] as const) {
      const gradient = await firstGradient(specOf(weights, keeps), 0);
      console.log(JSON.stringify({ scheme: weights, exact: keeps, ...compared(gradient, exact) }));
    }
    return;
  }
  const spec = specOf(settings.frozenWeights, settings.exact);
  checkpoint.close();
  const { log } = await train(
    spec,
    {
      ...DEFAULT_TRAINING,
      maxSteps: steps,
      batchSize: batch,
      learningRate,
      warmupSteps: 5,
      seed: 1,
      saveSteps,
      evalSteps: 0,
      outputDirectory: directory,
    },
    {
      engine: { threads },
      onStep: ({ step, loss }) => process.stderr.write(`${step}: ${loss.toFixed(4)}\n`),
      onMessage: (message) => process.stderr.write(`${message}\n`),
    },
  );
  spec.policy.write(join(directory, "adapter"));
  const losses = log.map(({ loss }) => loss);
  console.log(
    JSON.stringify({
      frozenWeights: settings.frozenWeights,
      exact: settings.exact,
      steps,
      firstLosses: round(mean(losses.slice(0, 10))),
      lastLosses: round(mean(losses.slice(-10))),
      validationLoss: round(await evaluateSpec(spec, batch)),
      stepSeconds: round(median(log.map(({ seconds }) => seconds))),
      frozenMiB: Math.round(
        [...spec.policy.frozen.values()].reduce((sum, { data }) => sum + data.byteLength, 0) / 2 ** 20,
      ),
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      losses: losses.map(round),
    }),
  );
}

async function firstGradient({ policy, objective, data }: LoraSpec, batch: number) {
  const programs = new TrainingPrograms(policy, objective, { threads: settings.threads });
  // B is zero at first, and A's gradient with it: a small B shows both.
  for (const [name, { data }] of policy.trained) {
    if (name.includes("lora_B")) for (let i = 0; i < data.length; i++) data[i] = 0.01 * Math.sin(i);
  }
  const gradients = zerosLike(policy.trained);
  const indices = data.epochBatches(0, settings.batch, 1)[batch]!;
  const { loss } = await programs.gradients(
    data.batch(indices, settings.batch),
    { seed: 1, step: 0 },
    gradients,
  );
  await programs.dispose();
  return { loss: loss.sum / loss.count, gradients };
}

type First = Awaited<ReturnType<typeof firstGradient>>;

function compared(one: First, exact: First) {
  const norm = (a: ParameterMap) => Math.sqrt(dot(a, a));
  const scale = norm(one.gradients) * norm(exact.gradients);
  return {
    loss: round(one.loss),
    exactLoss: round(exact.loss),
    cosine: round(dot(one.gradients, exact.gradients) / scale),
    normOverExact: round(norm(one.gradients) / norm(exact.gradients)),
  };
}

function dot(a: ParameterMap, b: ParameterMap): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data;
    for (let i = 0; i < data.length; i++) sum += data[i]! * other[i]!;
  }
  return sum;
}

void main();
