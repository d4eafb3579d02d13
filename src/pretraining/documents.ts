import type { Conversation } from "../corpus";
import type { Tokenizer } from "../models/tokenizer";
import { buildTarget } from "../prompts";

/** A dialogue to pretrain on. */
export interface Document {
  /** Token ids, without the end-of-sequence token. */
  readonly tokens: readonly number[];
  /** Where each turn starts; the first is 0. */
  readonly turns: readonly number[];
}

/**
 * The dialogues of conversations, in the form in which fine-tuning will ask for them. Personas stay out: what they have to
 * do with a dialogue is for fine-tuning to teach.
 */
export function pretrainingDocuments(
  conversations: readonly Conversation[],
  tokenizer: Tokenizer,
  onDocument: () => void = () => {},
): Document[] {
  return conversations.flatMap((conversation) => {
    const tokens: number[] = [];
    const turns: number[] = [];
    for (const turn of conversation.turns) {
      turns.push(tokens.length);
      tokens.push(...tokenizer.encode(buildTarget({ turns: [turn] }), { addEos: false }));
    }
    onDocument();
    return tokens.length >= SHORTEST_DOCUMENT ? [{ tokens, turns }] : [];
  });
}

const SHORTEST_DOCUMENT = 16;
