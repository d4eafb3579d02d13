import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { contentsOf, shownPath } from "../io";
import { embeddedChatModel, loadPretrained, openPretrained } from "../models";
import { type Likelihood, likelihoodOf } from "../likelihood";
import type { Judge } from "./case";
import { embeddedJudge, type EmbeddedJudgeOptions } from "./embedded";

/**
 * A causal model to have likelihoods from: a folder in Hugging Face layout, a GGUF file, or OWNER/NAME of the Hugging Face hub.
 *
 * @throws {Error} if there is no such model, or if nobody knows how it takes a conversation
 */
export async function openLikelihood(model: string = embeddedChatModel): Promise<Likelihood> {
  const isHere = existsSync(model);
  if (!isHere && !/^[\w-][\w.-]*\/[\w.-]+$/.test(model))
    throw new Error(
      `${shownPath(model)}: there is no such folder or file (${contentsOf(resolve(model, ".."))}); name a causal model that was tuned ` +
        "on dialogues with personas: a folder in Hugging Face layout, a GGUF file, or OWNER/NAME of the hub",
    );
  const { checkpoint, tokenizer } = isHere
    ? await openPretrained({
        kind: statSync(model).isFile() ? "file" : "directory",
        directory: model,
        why: "",
      })
    : await loadPretrained({ pretrained: model });
  try {
    return likelihoodOf(checkpoint, tokenizer, { name: basename(resolve(model)) });
  } finally {
    checkpoint.close();
  }
}

export interface OpenEmbeddedJudgeOptions extends Omit<EmbeddedJudgeOptions, "likelihood"> {
  /**
   * As {@link openLikelihood} takes it.
   * @default {@link embeddedChatModel}
   */
  readonly model?: string;
}

/** The embedded judge with a model that it opens. Its model stays in memory as long as it does. */
export async function openEmbeddedJudge({
  model,
  ...options
}: OpenEmbeddedJudgeOptions = {}): Promise<Judge> {
  return embeddedJudge({ likelihood: await openLikelihood(model), ...options });
}
