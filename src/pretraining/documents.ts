import type { Dialogue } from "../corpus";
import type { Tokenizer } from "../models/tokenizer";
import { buildTarget } from "../prompts";

/** A dialogue to pretrain on. */
export interface Document {
  /** Token ids, without the end-of-sequence token. */
  readonly tokens: readonly number[];
  /** Where each turn starts; the first is 0. */
  readonly turns: readonly number[];
  /** What is said, sentence by sentence, without the labels of who says it: tokens from `start` up to `end`. */
  readonly sentences: readonly TokenSpan[];
}

export interface TokenSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * What dialogues say, in the form in which fine-tuning will ask for them. Personas stay out: what they have to
 * do with a dialogue is for fine-tuning to teach.
 */
export function pretrainingDocuments(
  dialogues: readonly Pick<Dialogue, "turns">[],
  tokenizer: Pick<Tokenizer, "encode">,
  onDocument: () => void = () => {},
): Document[] {
  return dialogues.flatMap((dialogue) => {
    const tokens: number[] = [];
    const turns: number[] = [];
    const sentences: TokenSpan[] = [];
    // The tokenizer cuts a text at its spaces first, so the parts of a turn can be encoded one after another.
    const append = (text: string): TokenSpan => {
      const start = tokens.length;
      for (const id of tokenizer.encode(text, { addEos: false })) tokens.push(id);
      return { start, end: tokens.length };
    };
    for (const turn of dialogue.turns) {
      turns.push(tokens.length);
      const line = buildTarget({ turns: [turn] });
      const said = line.indexOf(":") + 1;
      append(line.slice(0, said));
      for (const sentence of line.slice(said).trim().split(SENTENCE_BREAK)) {
        if (sentence !== "") sentences.push(append(sentence));
      }
    }
    onDocument();
    return tokens.length >= SHORTEST_DOCUMENT ? [{ tokens, turns, sentences }] : [];
  });
}

const SENTENCE_BREAK = /(?<=[.!?])\s+/;
const SHORTEST_DOCUMENT = 16;
