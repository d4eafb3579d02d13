import { existsSync } from "node:fs";
import { join } from "node:path";
import { startProgress } from "../../display";
import { answerNats, type Identity, untrainedIdentity, type Variant } from "../../evaluation";
import { generateTexts } from "../../generation";
import { shownPath } from "../../io";
import { mergeAdapter, readAdapter } from "../../models/lora";
import { loadTokenizer, type Tokenizer } from "../../models/tokenizer";
import {
  defaultsOf,
  generationSettings,
  schemaOf,
  sections,
  settingsIn,
  type ValuesOf,
} from "../../settings";
import { causalExample, type Example, fitted, frozenModel, rowTokens } from "../../training";
import { mostPersonal } from "../candidates";
import { checkedSettings } from "../checked";
import type { AskedRow } from "./asked";
import { openTrainingModel, type TrainingModel } from "./model";
import { methodRun } from "./run";

/** How a model is asked for answers to rows, section by section. */
export const answeringSections = [sections.chance, sections.generation, sections.answers] as const;
const declared = settingsIn(answeringSections);

/** How a model is asked for answers to rows. */
export type AnsweringSettings = ValuesOf<typeof declared>;

/**
 * Settings of answering, the given ones in place of the defaults: greedy search, nothing ruled out.
 *
 * @param where begins the error's message
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function answeringSettings(
  given: Readonly<Record<string, unknown>> = {},
  where = "settings of answering",
): AnsweringSettings {
  const value = { ...defaultsOf(declared, "full"), ...given };
  return checkedSettings(schemaOf(answeringSections), Object.keys(declared), value, where);
}

/** What a method trained, ready to answer; close it after use. */
export interface TrainedModel {
  /** The folder of the adapter. */
  readonly adapter: string;
  readonly method: string;
  /** The configuration of its run, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly base: TrainingModel;
  /** By which its rows became tokens. */
  readonly tokenizer: Tokenizer;
}

/** Whether a folder holds what a method trained. */
export const isTrainedByMethod = (directory: string): boolean => existsSync(join(directory, "train.json"));

/**
 * Opens what a run of a method left, with the model that its configuration names.
 *
 * @throws {Error} if it is not finished, or the model is not there
 */
export async function openTrained(adapter: string): Promise<TrainedModel> {
  const { method, config, isFinished } = methodRun(adapter);
  if (!isFinished)
    throw new Error(`${shownPath(adapter)}: its run is not finished; npm run train goes on with it`);
  const base = await openTrainingModel(String(config["model"]));
  return { adapter, method, config, base, tokenizer: await loadTokenizer(adapter) };
}

/** A model with what a method trained of it, or as it is. */
export type AnsweringModel = Omit<TrainedModel, "adapter"> & { readonly adapter?: string };

/**
 * A model as a variant that answers rows, by the tokenizer that its rows were learned with, and tells how likely the references are.
 *
 * @param family what it is called apart from the seed of its training, where there are several
 */
export function answeringVariant(
  name: string,
  model: AnsweringModel,
  settings: AnsweringSettings,
  family = name,
): Variant<AskedRow> {
  const { base, adapter: directory } = model;
  return {
    name,
    identity: identityOf(model, family),
    settings: {
      ...settings,
      base: base.name,
      architecture: base.checkpoint.architecture.name,
      adapter: directory === undefined ? null : shownPath(directory),
    },
    async generate(asked) {
      const likelihoods = await referenceLikelihoods(model, asked, settings.maxNewTokens);
      const answers = await answerRows(model, asked, settings, name);
      return answers.map((answer, i) => ({ ...answer, likelihood: likelihoods[i]! }));
    },
  };
}

/**
 * How likely the references of rows are to a model: −log p of their tokens, the one that ends them included.
 *
 * @param room tokens for which there must be room behind a prompt, as where the same rows are answered
 */
export async function referenceLikelihoods(
  model: AnsweringModel,
  asked: readonly AskedRow[],
  room = 0,
): Promise<{ nats: number; tokens: number }[]> {
  const { checkpoint } = model.base;
  const { architecture, config } = checkpoint;
  const adapter = model.adapter === undefined ? undefined : readAdapter(model.adapter, checkpoint);
  const encoded = asked.map(encoder(model, room));
  const nats = await answerNats(
    frozenModel(checkpoint, adapter && { adapter }),
    encoded.map(({ example }) => example),
    {
      taskType: architecture.taskType,
      padTokenId: config.padTokenId,
      padToMultipleOf: PAD_TO_MULTIPLE_OF,
      batchSize: BATCH_SIZE,
    },
  );
  return encoded.map(({ answerTokens }, i) => ({ nats: nats[i]!, tokens: answerTokens }));
}

/**
 * What a model answers to rows: of several candidates the most personal one.
 *
 * @param title what the progress is of
 */
export async function answerRows(
  model: AnsweringModel,
  asked: readonly AskedRow[],
  settings: AnsweringSettings,
  title: string,
): Promise<{ input: string; output: string }[]> {
  const { base, tokenizer } = model;
  const { checkpoint } = base;
  const adapter = model.adapter === undefined ? undefined : readAdapter(model.adapter, checkpoint);
  const encoded = asked.map(encoder(model, settings.maxNewTokens));
  const parameters = adapter ? mergeAdapter(checkpoint.parameters, adapter) : checkpoint.parameters;
  const generator = await checkpoint.architecture.createGenerator({ ...checkpoint, parameters });
  const progress = startProgress(`Answering, ${title}`, asked.length, { unit: "rows" });
  let reported = 0;
  try {
    const texts = await generateTexts(
      generator,
      tokenizer,
      encoded.map(({ promptIds }) => promptIds),
      {
        ...generationSettings(settings),
        onProgress({ done }) {
          progress.advance(done - reported);
          reported = done;
        },
      },
    );
    return asked.map(({ personas }, i) => {
      const answers = texts
        .slice(i * settings.candidates, (i + 1) * settings.candidates)
        .map(({ text }) => text.trim());
      const turns = answers.map((answer) => `User 2: ${answer.replace(/\s+/g, " ")}`);
      return {
        input: tokenizer.decode(encoded[i]!.promptIds, { skipSpecialTokens: false }),
        output: answers[turns.indexOf(mostPersonal(turns, personas))]!,
      };
    });
  } finally {
    progress.finish();
    await generator.dispose();
  }
}

/** Rows whose likelihood is asked together, and what their lengths are rounded up to: few shapes, each compiled once. */
const BATCH_SIZE = 8;
const PAD_TO_MULTIPLE_OF = 32;

interface EncodedRow {
  readonly promptIds: readonly number[];
  /** Prompt and reference as a batch has them. */
  readonly example: Example;
  readonly answerTokens: number;
}

/** Rows in tokens; a conversation that leaves no room for an answer loses its oldest turns. */
function encoder(
  { base: { checkpoint }, tokenizer }: Pick<TrainedModel, "base" | "tokenizer">,
  maxNewTokens: number,
): (row: AskedRow) => EncodedRow {
  const { architecture, config } = checkpoint;
  if (architecture.taskType === "SEQ_2_SEQ_LM")
    return ({ id, prompt, completion }) => {
      if (typeof prompt !== "string" || typeof completion !== "string")
        throw new Error(`${id}: an encoder–decoder takes no messages; write prompt and completion as text`);
      const [promptIds, labels] = [tokenizer.encode(prompt), tokenizer.encode(completion)];
      return { promptIds, example: { inputIds: promptIds, labels }, answerTokens: labels.length };
    };
  const { maxPositions = Infinity } = config;
  const tokens = rowTokens(tokenizer);
  return ({ id, prompt, completion }) => {
    const { value } = fitted(
      prompt,
      (said) => ({ promptIds: tokens.prompt(said), learned: tokens.completion(said, completion) }),
      fits,
    );
    if (!fits(value))
      throw new Error(
        `${id}: prompt and answer have more than the model's ${maxPositions} positions, also without its older turns: leave it out`,
      );
    const { promptIds: inputIds, completionIds: labels } = value.learned;
    return {
      promptIds: value.promptIds,
      example: causalExample({ inputIds, labels }),
      answerTokens: labels.length,
    };
  };

  function fits({
    promptIds,
    learned,
  }: {
    promptIds: readonly number[];
    learned: ReturnType<typeof tokens.completion>;
  }) {
    const { length } = learned.completionIds;
    return Math.max(promptIds.length + maxNewTokens, learned.promptIds.length + length) <= maxPositions;
  }
}

function identityOf(
  { adapter, method, config }: Pick<AnsweringModel, "adapter" | "method" | "config">,
  family: string,
): Identity {
  if (adapter === undefined) return untrainedIdentity("base", family);
  const { seed, output: _, ...trained } = config;
  return {
    kind: "model",
    family,
    seed: typeof seed === "number" ? seed : null,
    cut: null,
    trained: { method, ...trained } as Identity["trained"],
  };
}
