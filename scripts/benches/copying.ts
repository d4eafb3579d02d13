import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCorpus, sampleDirectory } from "../../src/corpus";
import { embeddedModel } from "../../src/experiments";
import { readModelDirectory } from "../../src/models/pretrained";
import { initT5, type T5Config, t5Architecture } from "../../src/models/t5";
import { loadTokenizer } from "../../src/models/tokenizer";
import {
  pretrainingDocuments,
  pretrainingTokens,
  seq2seqPretraining,
  type Seq2SeqTask,
  Words,
} from "../../src/pretraining";
import { Random } from "../../src/random";
import { DEFAULT_TRAINING, type ParameterMap, train } from "../../src/training";
import { type Bench, round } from "./bench";

const STEPS = Number(process.env["COPYING_STEPS"] ?? 300);
const EVERY = 50;

interface Recipe {
  weights: "T5's" | "this project's";
  /** Steps of copying before the objective. */
  copySteps: number;
  objective: Seq2SeqTask;
}

const recipes: Recipe[] = [
  { weights: "T5's", copySteps: 0, objective: "copying" },
  { weights: "this project's", copySteps: 0, objective: "copying" },
  { weights: "this project's", copySteps: 0, objective: "whole-text denoising" },
  { weights: "this project's", copySteps: STEPS / 2, objective: "whole-text denoising" },
];

const bench: Bench = {
  description:
    "how soon the embedded model's architecture learns to copy, from which first weights and by which objective: loss on " +
    "held-out sample conversations, nats a token, texts of 48 tokens, 16 a step",
  async run(report) {
    const config = readModelDirectory(embeddedModel).config as T5Config;
    const tokenizer = await loadTokenizer(embeddedModel);
    const { splits } = await loadCorpus({ directory: sampleDirectory });
    const learned = pretrainingDocuments(splits.train, tokenizer);
    const lengths = { input: 48, target: 48 };
    const shared = {
      train: learned,
      validation: pretrainingDocuments(splits.valid, tokenizer),
      words: new Words(learned, (id) => tokenizer.token(id)),
      tokens: pretrainingTokens(tokenizer),
      lengths: { long: lengths, short: lengths },
      batchSize: 16,
      seed: 1,
    };
    const folder = mkdtempSync(join(tmpdir(), "bench-copying-"));
    const rows = [];
    try {
      for (const { weights, copySteps, objective } of recipes) {
        const name = `${weights} first weights, ${objective}, ${copySteps} steps of copying before`;
        const parameters = (weights === "T5's" ? plainT5 : initT5)(config, new Random(1));
        const spec = seq2seqPretraining(
          { architecture: t5Architecture, config, parameters },
          { ...shared, copyBatches: copySteps, task: objective },
        );
        const { log } = await train(
          spec,
          {
            ...DEFAULT_TRAINING,
            outputDirectory: join(folder, String(rows.length)),
            maxSteps: STEPS,
            batchSize: shared.batchSize,
            learningRate: 2e-3,
            warmupSteps: Math.min(50, STEPS - 1),
            evalSteps: EVERY,
          },
          { onStep: ({ step }) => step % EVERY === 0 && report(`${name}: step ${step} of ${STEPS}`) },
        );
        const measured = log.filter(({ evalLoss }) => evalLoss !== undefined);
        rows.push({
          weights,
          objective,
          copySteps,
          ...Object.fromEntries(
            measured.map(({ step, evalLoss }) => [`loss after ${step}`, round(evalLoss!)]),
          ),
        });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    return { rows };
  },
};
export default bench;

/**
 * First weights as T5's, but with the small embedding that Adam needs, and an lm_head that starts as its copy: all of
 * `initT5` apart from what it does for attention to find its like.
 */
function plainT5(config: T5Config, random: Random): ParameterMap {
  const parameters: ParameterMap = initT5(config, random);
  for (const [name, { shape, data }] of parameters) {
    if (name.endsWith("layer_norm.weight") || name === "lm_head.weight" || name === "shared.weight") continue;
    const inputs = name.endsWith("relative_attention_bias.weight") ? config.dModel : shape.at(-1)!;
    const spread = inputs ** -0.5 * (name.endsWith(".q.weight") ? config.dKv ** -0.5 : 1);
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * spread;
  }
  return parameters;
}
