import type { Message, Said } from "../../corpus";
import { type ChatTokens, templateMessages, type Tokenizer } from "../../models";

/** A prompt and its completion in tokens, for a causal model: one follows the other. */
export interface CompletionTokens {
  readonly promptIds: readonly number[];
  readonly completionIds: readonly number[];
  /** The end of a prompt that is text, where its tokens join with the completion's; it is left out of both. */
  readonly joined?: string;
}

/**
 * Makes tokens of what people wrote, for a causal model, as it is asked: conversations by its chat template, text as it stands
 * after what the tokenizer puts before texts.
 */
export interface RowTokens {
  /**
   * A prompt and its completion, which ends with the end-of-sequence token or with what the template writes after an answer. The
   * completion of a text begins where the tokens of both together part from those of the prompt alone, as in TRL.
   *
   * @throws {Error} as {@link Tokenizer.chatTokens}, or for a message that spells out a control token
   */
  readonly completion: (prompt: Said, completion: Said) => CompletionTokens;
  /**
   * A prompt alone, up to where its answer begins.
   *
   * @throws {Error} as {@link completion}
   */
  readonly prompt: (prompt: Said) => readonly number[];
  /**
   * A conversation, with a mask of what assistants say and the tokens that end their turns.
   *
   * @throws {Error} as {@link completion}
   */
  readonly conversation: (messages: readonly Message[]) => ChatTokens;
}

/** How many tokens a prompt and its completion have together: see {@link rowTokens}. */
export function rowLength(tokenizer: Tokenizer): (prompt: Said, completion: Said) => number {
  const tokens = rowTokens(tokenizer);
  // A template writes the same behind any prompt, so that of an answer which was counted once the prompt alone is new.
  const behind = new WeakMap<object, number>();
  return (prompt, completion) => {
    const known = typeof completion === "string" ? undefined : behind.get(completion);
    if (known !== undefined) return tokens.prompt(prompt).length + known;
    const { promptIds, completionIds } = tokens.completion(prompt, completion);
    const length = promptIds.length + completionIds.length;
    if (typeof completion !== "string") behind.set(completion, length - tokens.prompt(prompt).length);
    return length;
  };
}

export function rowTokens(tokenizer: Tokenizer): RowTokens {
  let taken: ReturnType<typeof templateMessages> | undefined;
  const ready = (messages: readonly Message[]) => {
    messages.forEach(({ content, role }, i) => {
      const [token] = tokenizer.unshownTokensIn(content);
      if (token !== undefined)
        throw new Error(
          `message ${i + 1} (${role}) spells out ${token}, a control token of this model: write it otherwise`,
        );
    });
    taken ??= templateMessages(tokenizer);
    return taken(messages);
  };
  /** @param learned how many of the last messages may be masked */
  const conversation = (messages: readonly Message[], learned: number): ChatTokens => {
    const written = ready(messages);
    return tokenizer.chatTokens(written, written.length - learned);
  };
  return {
    conversation: (messages) => conversation(messages, messages.length),
    prompt: (prompt) =>
      typeof prompt === "string"
        ? [...tokenizer.textStart, ...tokenizer.encode(prompt, { addEos: false })]
        : tokenizer.applyChatTemplate(ready(prompt), { addGenerationPrompt: true }),
    completion(prompt, completion) {
      if (typeof prompt === "string" || typeof completion === "string")
        return textTokens(tokenizer, prompt as string, completion as string);
      const { ids, assistant } = conversation([...prompt, ...completion], completion.length);
      const start = assistant.indexOf(true);
      return { promptIds: ids.slice(0, start), completionIds: ids.slice(start) };
    },
  };
}

function textTokens(tokenizer: Tokenizer, prompt: string, completion: string): CompletionTokens {
  const encode = (text: string) => [...tokenizer.textStart, ...tokenizer.encode(text, { addEos: false })];
  const alone = encode(prompt);
  const ids = encode(prompt + completion);
  if (ids.at(-1) !== tokenizer.eosId) ids.push(tokenizer.eosId);
  const differs = alone.findIndex((id, at) => ids[at] !== id);
  const start = differs < 0 ? alone.length : differs;
  const joined = tokenizer.decode(alone.slice(start), { skipSpecialTokens: false });
  return {
    promptIds: ids.slice(0, start),
    completionIds: ids.slice(start),
    ...(differs >= 0 && { joined }),
  };
}
