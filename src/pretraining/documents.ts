import type { Dialogue, Persona, Speaker } from "../corpus";
import { sha256 } from "../io";
import type { Tokenizer } from "../models/tokenizer";
import { buildTarget, clean } from "../prompts";

/** A dialogue to pretrain on. */
export interface Document {
  /** Token ids of the turns with their labels, without the end-of-sequence token. */
  readonly tokens: readonly number[];
  readonly turns: readonly TurnTokens[];
  /** What is said, sentence by sentence, without the labels of who says it. */
  readonly sentences: readonly Sentence[];
  /** Of speaker 1 and of speaker 2. */
  readonly personas: readonly [PersonaTokens, PersonaTokens];
}

/** Tokens from `start` up to `end`. */
export interface TokenSpan {
  readonly start: number;
  readonly end: number;
}

export interface Sentence extends TokenSpan {
  readonly speaker: Speaker;
}

/** A turn: its label from `start`, what is said from `said`, up to `end`. */
export interface TurnTokens extends Sentence {
  readonly said: number;
}

/** A persona: its facts one by one, and what a chat tells a model of it. */
export interface PersonaTokens {
  readonly facts: readonly (readonly number[])[];
  readonly instruction: readonly number[];
}

export interface DocumentOptions {
  /** What a chat tells a model of a persona; an instruction stays empty without it. */
  readonly instruction?: (persona: Persona) => string;
  readonly onDocument?: () => void;
}

/**
 * What dialogues say, in the form in which fine-tuning will ask for them, with their personas beside it.
 *
 * @param tokenizer one that cuts a text at its spaces first, as the project's own: each word is encoded once
 */
export function pretrainingDocuments(
  dialogues: readonly Pick<Dialogue, "turns" | "personas">[],
  tokenizer: Pick<Tokenizer, "encode">,
  { instruction, onDocument = () => {} }: DocumentOptions = {},
): Document[] {
  const encode = wordByWord(tokenizer);
  const personaTokens = (persona: Persona): PersonaTokens => ({
    facts: persona.facts.map((fact) => encode(clean(fact))),
    instruction: instruction ? encode(instruction({ facts: persona.facts.map(clean) })) : [],
  });
  return dialogues.flatMap((dialogue) => {
    const tokens: number[] = [];
    const turns: TurnTokens[] = [];
    const sentences: Sentence[] = [];
    const append = (text: string): TokenSpan => {
      const start = tokens.length;
      for (const id of encode(text)) tokens.push(id);
      return { start, end: tokens.length };
    };
    for (const turn of dialogue.turns) {
      const { speaker } = turn;
      const line = buildTarget({ turns: [turn] });
      const colon = line.indexOf(":") + 1;
      const label = append(line.slice(0, colon));
      for (const sentence of line.slice(colon).trim().split(SENTENCE_BREAK)) {
        if (sentence !== "") sentences.push({ ...append(sentence), speaker });
      }
      turns.push({ start: label.start, said: label.end, end: tokens.length, speaker });
    }
    onDocument();
    if (tokens.length < SHORTEST_DOCUMENT) return [];
    const [one, other] = dialogue.personas;
    return [{ tokens, turns, sentences, personas: [personaTokens(one), personaTokens(other)] }];
  });
}

function wordByWord(tokenizer: Pick<Tokenizer, "encode">): (text: string) => number[] {
  const known = new Map<string, readonly number[]>();
  return (text) =>
    text
      .split(/\s+/)
      .filter((word) => word !== "")
      .flatMap((word) => {
        let ids = known.get(word);
        if (!ids) known.set(word, (ids = tokenizer.encode(word, { addEos: false })));
        return ids;
      });
}

const SENTENCE_BREAK = /(?<=[.!?])\s+/;
const SHORTEST_DOCUMENT = 16;

/** Whether somebody says what its author meant to fill in, as `[user 1's name]`: about a sixth of Synthetic-Persona-Chat. */
export const hasBlanks = ({ turns }: Pick<Dialogue, "turns">): boolean =>
  turns.some(({ text }) => /\[[^\]]+\]/.test(text));

/** What identifies documents. */
export const documentsSha256 = (documents: readonly Document[]): string =>
  sha256(documents.map((document) => sha256(JSON.stringify(document))).join("\n"));
