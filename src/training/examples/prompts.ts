import { JsonlError, type Said, type TrainingRows } from "../../corpus";
import type { PromptRow } from "../rollouts/prompts";
import type { EncodeRowsOptions } from "./encode";
import { rowTokens } from "./tokens";

/** Prompts in tokens, and the lines of those that are too long. */
export interface EncodedPrompts {
  readonly prompts: readonly PromptRow[];
  readonly leftOut: readonly number[];
}

/**
 * Makes prompts of rows, for a policy to answer: text as it stands, conversations by the chat template up to where the assistant
 * speaks. Rewards are told the messages and the row's `meta`. What is longer than `maxLength` is left out and listed.
 *
 * @throws {JsonlError} naming file and line, for rows that the chat template, or an encoder–decoder, does not take
 * @throws {Error} if no prompt is left
 */
export function encodePrompts(
  { rows, path }: TrainingRows<"prompt">,
  { tokenizer, taskType, maxLength }: EncodeRowsOptions,
): EncodedPrompts {
  const tokens = taskType === "CAUSAL_LM" ? rowTokens(tokenizer).prompt : undefined;
  const encode = (prompt: Said): readonly number[] => {
    if (tokens) return tokens(prompt);
    if (typeof prompt === "string") return tokenizer.encode(prompt);
    throw new Error(
      "an encoder–decoder takes no messages; write the prompt as text, or train a causal model",
    );
  };
  const prompts: PromptRow[] = [];
  const leftOut: number[] = [];
  for (const { prompt, meta, line } of rows) {
    let ids: readonly number[];
    try {
      ids = encode(prompt);
    } catch (cause) {
      throw new JsonlError(path, line, (cause as Error).message);
    }
    if (ids.length > maxLength) leftOut.push(line);
    else {
      const isText = typeof prompt === "string";
      const text = isText ? prompt : prompt.map(({ role, content }) => `${role}: ${content}`).join("\n");
      const about = { ...(!isText && { messages: prompt }), ...(meta && { meta }) };
      prompts.push({ ids, text, ...(Object.keys(about).length > 0 && { about }) });
    }
  }
  if (prompts.length === 0)
    throw new Error(
      `${path}: none of its ${rows.length} prompts leaves room for an answer: they are longer than ${maxLength} tokens ` +
        "(maxLength, less maxNewTokens of a causal model)",
    );
  return { prompts, leftOut };
}
