import { existsSync } from "node:fs";
import type { TrainingRows } from "../../corpus";
import { contentsOf, shownPath } from "../../io";
import { readAdapter } from "../../models/lora";
import { type Tokenizer, withChatTemplate } from "../../models/tokenizer";
import {
  isModelFile,
  loadPretrained,
  openPretrained,
  type OpenPretrainedModel,
} from "../../models/pretrained";
import type { sections, ValuesOf } from "../../settings";
import { loraPolicy, type LoraPolicy, type LoraPolicyOptions, type StartAdapter } from "../../training";
import { adaptation } from "../adaptation";

/** A hub's name: two parts, the last without a file's ending. */
const HUB_NAME = /^[\w-][\w.-]*\/[\w.-]+(?<!\.(gguf|bin|safetensors|json|onnx|pt|pth))$/i;

/** The model of a training with its tokenizer. */
export interface TrainingModel extends OpenPretrainedModel {
  /** As its adapter names it. */
  readonly name: string;
}

/** What of a configuration decides what is trained. */
export type PolicyConfig = ValuesOf<typeof sections.adaptation.settings> & {
  readonly adapter?: string | undefined;
  readonly seed: number;
  readonly recompute: boolean;
};

/**
 * Opens the model of a configuration: a folder, a file, or a name of the hub.
 *
 * @throws {Error} if there is no such model, saying what can be named
 */
export async function openTrainingModel(name: string): Promise<TrainingModel> {
  if (existsSync(name)) {
    const kind = isModelFile(name) ? "file" : "directory";
    return {
      ...(await openPretrained({ kind, directory: name, why: "it was named" })),
      name: shownPath(name),
    };
  }
  if (!HUB_NAME.test(name))
    throw new Error(
      `model: ${name}: ${contentsOf(name)}; name a folder in Hugging Face layout, a GGUF file, or a model of the hub as OWNER/NAME`,
    );
  return { ...(await loadPretrained({ pretrained: name })), name };
}

/**
 * The tokenizer by which rows become tokens, and what a reader should know of that. A causal model without a chat template gets one
 * for rows of messages, which then lies beside the adapter.
 */
export async function tokenizerFor(
  { tokenizer, checkpoint, name }: TrainingModel,
  { rows }: TrainingRows,
): Promise<{ tokenizer: Tokenizer; notes: readonly string[] }> {
  const { taskType, name: kind } = checkpoint.architecture;
  if (taskType !== "CAUSAL_LM")
    return {
      tokenizer,
      notes: [`npm run chat asks a ${kind} by the prompt of the experiments, not by prompts such as these`],
    };
  const [first] = rows; // all are of its form
  const isText = first !== undefined && "prompt" in first && typeof first.prompt === "string";
  if (isText)
    return {
      tokenizer,
      notes: tokenizer.hasChatTemplate
        ? [
            "rows of text are learned as they stand; npm run chat asks by the chat template: write messages for an adapter to talk with",
          ]
        : [],
    };
  if (tokenizer.hasChatTemplate) return { tokenizer, notes: [] };
  return {
    tokenizer: await withChatTemplate(tokenizer),
    notes: [
      `${name} has no chat template: conversations are written with "User:" and "Assistant:" on lines of their own; the template lies beside the adapter`,
    ],
  };
}

/** The most tokens of a row: those asked for, but no more than the model has positions; and what a reader should know of that. */
export function rowLimit(
  { checkpoint: { config, architecture } }: Pick<TrainingModel, "checkpoint">,
  maxLength: number,
): { maxLength: number; notes: readonly string[] } {
  const { maxPositions = Infinity } = config;
  if (maxLength <= maxPositions) return { maxLength, notes: [] };
  const note = `this ${architecture.name} has ${maxPositions} positions: rows have at most so many tokens, not ${maxLength} (maxLength)`;
  return { maxLength: maxPositions, notes: [note] };
}

/**
 * The adapter that a configuration goes on from.
 *
 * @throws {Error} if there is none, if it is another model's, or if it has unfrozen blocks
 */
export function startAdapter(
  directory: string,
  { checkpoint }: Pick<TrainingModel, "checkpoint">,
): StartAdapter {
  if (!existsSync(directory)) throw new Error(`adapter: ${directory}: ${contentsOf(directory)}`);
  const adapter = readAdapter(directory, checkpoint);
  if (adapter.unfrozen.size > 0)
    throw new Error(
      `adapter: ${directory} has unfrozen blocks, from which no training goes on; train without adapter`,
    );
  return { directory, adapter };
}

/**
 * A new adapter over a model, or the one that a configuration goes on from.
 *
 * @throws {Error} if the adapter is another model's, or if the settings do not go with the model
 */
export function openPolicy(
  { checkpoint, name }: TrainingModel,
  config: PolicyConfig,
  options: Pick<LoraPolicyOptions, "dropout"> = {},
): LoraPolicy {
  const { adapter: directory, seed, recompute, frozenWeights, loraDropout } = config;
  const common = { ...options, seed, recompute, frozenWeights, baseModel: name };
  if (directory === undefined)
    return loraPolicy(checkpoint, { ...adaptation(config, checkpoint), ...common });
  const { adapter: start } = startAdapter(directory, { checkpoint });
  const lora = { ...start.config, dropout: loraDropout };
  return loraPolicy(checkpoint, { lora, unfreezing: {}, start, ...common });
}

/** The tokens at which the model's generation stops. */
export function stopTokens({ checkpoint: { architecture, config } }: TrainingModel): number[] {
  const { eos_token_id: ends } = architecture.generationConfigFile(config);
  return ([ends].flat() as unknown[]).filter((id): id is number => typeof id === "number");
}
