import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { readRows } from "../corpus";
import { makeFolder, removeFile } from "../io";
import {
  headModules,
  type Model,
  scorerKinds,
  scorerModel,
  type ScorerKind,
  writeModelDirectory,
} from "../models";
import {
  classificationObjective,
  DEFAULT_TRAINING,
  fullPolicy,
  loraPolicy,
  type Objective,
  pairwiseObjective,
  rewardModelObjective,
  textBatches,
  type TextExample,
  train,
  type TrainingHooks,
  type TrainingResult,
} from "../training";
import { describeIssues } from "../text";
import { CARD_FILE, type ScorerCard, writeCard } from "./card";
import { featuresOf } from "./logistic/features";
import { fitLogistic } from "./logistic/fit";
import { LOGISTIC_FILE, roundedWeights, writeLogistic } from "./logistic/scorer";
import { encodedTexts } from "./model-scorer";
import { baseChecksum, openBase } from "./open";
import { readLabelledTexts } from "./rows";
import type { ScoredText } from "./scorer";

const share = z.number().min(0).lt(1);
const whole = z.int().positive();

const schema = z.strictObject({
  output: z.string().describe("Folder that receives the scorer, and its checkpoints while it is trained."),
  name: z.string().describe("What reports call the scorer."),
  form: z
    .enum(["adapter", "model", "logistic"])
    .default("adapter")
    .describe(
      "adapter: LoRA and a head over a model that stays where it is; model: all weights; logistic: words and pairs of words, without a model.",
    ),
  kind: z
    .enum(scorerKinds)
    .default("classification")
    .describe(
      "classification: a label of each text, or of two that are read together; pairwise: of two that are read apart; reward: which of two answers is better.",
    ),
  labels: z
    .array(z.string())
    .describe("The labels, in the order of the head's rows; of a reward its name alone."),
  reads: z
    .array(z.string())
    .min(1)
    .max(2)
    .describe(
      'The fields of a row that are read: ["text"], ["premise", "hypothesis"]; of a reward ["prompt", "answer"].',
    ),
  train: z
    .string()
    .describe(
      "Rows to learn from: JSONL with these fields and label; for a reward prompt, chosen and rejected.",
    ),
  valid: z
    .string()
    .optional()
    .describe("Rows by which the best epoch is chosen; without them the last is taken."),
  licence: z.string().describe("The licence of the rows."),
  model: z
    .string()
    .default("data/model")
    .describe("The model that the head stands on: a folder, a file, or a name of the hub."),
  maxTokens: whole.default(128).describe("The most tokens of what is read together; the longer text is cut."),
  rank: whole.default(16).describe("r of LoRA."),
  alpha: z.number().positive().default(32).describe("α of LoRA."),
  dropout: share.default(0.05).describe("Dropout on the input of A."),
  epochs: z.number().positive().default(4).describe("Passes over the rows."),
  batchSize: whole.default(32).describe("Rows of a batch."),
  learningRate: z
    .number()
    .positive()
    .default(1e-3)
    .describe("The highest rate of AdamW; of a logistic model AdaGrad's."),
  warmupSteps: z
    .int()
    .min(0)
    .default(50)
    .describe("Steps over which the rate rises; from there it falls to 0."),
  seed: z
    .int()
    .min(0)
    .default(13)
    .describe("Seeds the order of rows, the adapter's first weights and dropout."),
});

/** How a scorer is trained. */
export type ScorerTraining = z.infer<typeof schema>;

/** What a training can be told, with what it means. */
export const scorerTrainingFields = Object.entries(schema.shape).map(([name, type]) => ({
  name,
  meaning: type.description ?? "",
  default: type.safeParse(undefined).data as unknown,
}));

/**
 * Checks what a training was told and fills in what is left out.
 *
 * @param source named in errors
 * @throws {Error} naming every field that is unknown, missing or of another kind
 */
export function checkScorerTraining(value: unknown, source: string): ScorerTraining {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error, value, Object.keys(schema.shape));
    throw new Error(
      `${source}: not a training of a scorer:${problems.map((problem) => `\n  ${problem}`).join("")}`,
    );
  }
  const { form, kind, reads } = parsed.data;
  if (form === "logistic" && kind !== "classification")
    throw new Error(`${source}: a logistic model is of kind classification, not ${kind}`);
  if (kind !== "classification" && reads.length !== 2)
    throw new Error(`${source}: a ${kind} scorer reads two texts, but reads is ${JSON.stringify(reads)}`);
  return parsed.data;
}

const objectives: Readonly<Record<ScorerKind, () => Objective>> = {
  classification: classificationObjective,
  pairwise: pairwiseObjective,
  reward: rewardModelObjective,
};

/** What a training did. */
export interface TrainedScorer {
  readonly directory: string;
  readonly card: ScorerCard;
  /** Whether it was stopped before its end; the same call goes on from there. */
  readonly interrupted: boolean;
  readonly best: TrainingResult["best"];
}

/**
 * Trains a scorer and writes its folder, which `openScorer` opens: weights, and a card without measurements ({@link measureCard}
 * adds them). Of a model's epochs the one with the lowest loss on the validation rows is kept. Same settings, same rows, same
 * machine: same bits, also after an interruption.
 */
export async function trainScorer(
  settings: ScorerTraining,
  hooks: TrainingHooks & { readonly say?: (line: string) => void } = {},
): Promise<TrainedScorer> {
  const { output, name, form, kind, labels, reads, licence } = settings;
  makeFolder(output);
  const card = (count: number, more: Partial<ScorerCard> = {}): ScorerCard => ({
    version: 1,
    name,
    form,
    kind,
    labels: [...labels],
    reads: [...reads],
    ...more,
    training: { data: settings.train, count, licence, settings: { ...settings } },
    measured: [],
  });
  if (form === "logistic") {
    const rows = readLabelledTexts(settings.train, { reads, labels });
    const examples = rows.map(({ text, label }) => ({ features: featuresOf(text), label }));
    const { learningRate, epochs, seed } = settings;
    const weights = fitLogistic(examples, labels.length, { learningRate, epochs, seed });
    removeFile(join(output, CARD_FILE));
    writeLogistic(output, roundedWeights(weights), labels);
    const written = card(rows.length);
    writeCard(output, written);
    return { directory: output, card: written, interrupted: false, best: undefined };
  }

  const { checkpoint, tokenizer } = await openBase(settings.model);
  try {
    const model = scorerModel(checkpoint as Model, { kind, labels }) as unknown as Model;
    const { maxPositions = Infinity, padTokenId } = model.config;
    const maxTokens = Math.min(settings.maxTokens, maxPositions);
    let cut = 0;
    const encode = (text: ScoredText) =>
      encodedTexts(model, { tokenizer, taskType: model.architecture.taskType, maxTokens }, text).map(
        (tokens) => {
          cut += Number(tokens.isCut);
          return tokens.ids;
        },
      );
    const rows = examplesOf(settings.train, settings, encode);
    const valid = settings.valid === undefined ? [] : examplesOf(settings.valid, settings, encode);
    if (cut > 0) hooks.say?.(`${cut} texts were cut to ${maxTokens} tokens`);
    const { rank, alpha, dropout, seed, epochs, batchSize, learningRate, warmupSteps } = settings;
    const lora = {
      rank,
      alpha,
      dropout,
      useRslora: false,
      targetModules: model.architecture.defaultTargets,
      modulesToSave: headModules(checkpoint.architecture),
    };
    const policy =
      form === "adapter"
        ? loraPolicy(model, { lora, unfreezing: {}, seed, baseModel: settings.model })
        : fullPolicy(model);
    const data = textBatches(rows, valid, { padTokenId, padToMultipleOf: 16 });
    const checkpoints = join(output, "training");
    const epochSteps = Math.ceil(rows.length / batchSize);
    const { stopped, best } = await train(
      { policy, objective: objectives[kind](), data },
      {
        ...DEFAULT_TRAINING,
        outputDirectory: checkpoints,
        maxSteps: 0,
        epochs,
        batchSize,
        learningRate,
        warmupSteps,
        schedule: "linear",
        seed,
        evalSteps: valid.length > 0 ? epochSteps : 0,
        saveSteps: epochSteps,
        loadBestModelAtEnd: valid.length > 0,
      },
      hooks,
    );
    const base = {
      path: relative(resolve(output), resolve(settings.model)),
      checksum: baseChecksum(model, checkpoint),
    };
    const written = card(rows.length, { maxTokens, ...(form === "adapter" && { base }) });
    if (stopped === "interrupted") return { directory: output, card: written, interrupted: true, best };
    removeFile(join(output, CARD_FILE));
    removeFile(join(output, LOGISTIC_FILE));
    if (form === "adapter") policy.write(output);
    else {
      const { architecture, config } = model;
      const tokenizerFrom = tokenizer.files ?? tokenizer.directory;
      writeModelDirectory(output, { architecture, config, parameters: policy.trained }, { tokenizerFrom });
    }
    writeCard(output, written);
    return { directory: output, card: written, interrupted: false, best };
  } finally {
    checkpoint.close();
  }
}

function examplesOf(
  path: string,
  { kind, reads, labels }: ScorerTraining,
  encode: (text: ScoredText) => (readonly number[])[],
): TextExample[] {
  if (kind !== "reward")
    return readLabelledTexts(path, { reads, labels }).map(({ text, label }) => ({
      texts: encode(text),
      label,
    }));
  return readRows(path, ["preference"]).rows.map(({ prompt, chosen, rejected, line }) => {
    const texts = [chosen, rejected].map((answer) => {
      if (typeof prompt !== "string" || typeof answer !== "string")
        throw new Error(
          `${path}, line ${line}: a reward model reads text here, not messages: write them as text`,
        );
      return encode([prompt, answer])[0]!;
    });
    return { texts, label: 0 };
  });
}
