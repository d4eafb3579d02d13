import type { Dialogue } from "../corpus";
import { buildPrompt, buildTarget, type PromptVariant } from "../prompts";
import { describeValues } from "./describe";

/** What lengths are measured of, and what one value is. */
export const measuredTexts = {
  facts: "one persona sentence",
  personas: "all sentences of one person",
  prompts: "the model's input for two personas, without snippets",
  turns: "one turn with its speaker label",
  conversations: "the model's target: all turns",
} as const;
export type MeasuredText = keyof typeof measuredTexts;
export type TokenLengths = Record<MeasuredText, number[]>;

export interface LengthOptions {
  /**
   * Of the prompts.
   * @default "template"
   */
  variant?: PromptVariant;
  /** Called when a dialogue is done, for a report of progress. */
  onConversation?: () => void;
}

/** The tokens of every text of the dialogues; `countTokens` counts one text's, without an end-of-sequence token. */
export function measureTokenLengths(
  dialogues: readonly Dialogue[],
  countTokens: (text: string) => number,
  { variant = "template", onConversation }: LengthOptions = {},
): TokenLengths {
  const lengths: TokenLengths = { facts: [], personas: [], prompts: [], turns: [], conversations: [] };
  for (const dialogue of dialogues) {
    for (const { facts } of dialogue.personas) {
      for (const fact of facts) lengths.facts.push(countTokens(fact));
      lengths.personas.push(countTokens(facts.join(" ")));
    }
    lengths.prompts.push(countTokens(buildPrompt(dialogue, { variant }).text));
    for (const turn of dialogue.turns) lengths.turns.push(countTokens(buildTarget({ turns: [turn] })));
    lengths.conversations.push(countTokens(buildTarget(dialogue)));
    onConversation?.();
  }
  return lengths;
}

/** What a limit does to texts of these lengths. */
export interface Cut {
  limit: number;
  /** Share of the texts that are longer than the limit, in 0–1. */
  texts: number;
  /** Share of all their tokens that is lost, in 0–1. */
  tokens: number;
}

/** For each limit: which share of the texts it cuts, and which share of the tokens is lost. */
export function cutShares(lengths: readonly number[], limits: readonly number[]): Cut[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return limits.map((limit) => {
    const over = lengths.filter((length) => length > limit);
    const lost = over.reduce((sum, length) => sum + length - limit, 0);
    return { limit, texts: over.length / lengths.length || 0, tokens: lost / total || 0 };
  });
}

/** How long the first `turns` turns of each dialogue are together, in tokens; shorter dialogues are left out. */
export function openingLengths(
  dialogues: readonly Dialogue[],
  turns: number,
  countTokens: (text: string) => number,
): number[] {
  return dialogues
    .filter((dialogue) => dialogue.turns.length >= turns)
    .map((dialogue) => countTokens(buildTarget({ turns: dialogue.turns.slice(0, turns) })));
}

/** Lengths that data ask for, with the reasons. */
export interface LengthSettings {
  tokenizer: string;
  /** Tokens of the input at most, its end-of-sequence token included. */
  encoderLength: number;
  /** Tokens of the output at most. */
  generationLength: number;
  reasons: { encoderLength: string; generationLength: string };
}

export interface LengthChoice {
  /** A sentence that says which tokenizer counted. */
  tokenizer: string;
  /** Tokens of prompts without snippets, of turns, and of openings that the output should have room for. */
  prompts: readonly number[];
  turns: readonly number[];
  openings: readonly number[];
  /** Turns in an opening. */
  openingTurns: number;
  /** Snippets that the input should have room for, and the turns in each. */
  snippets: number;
  snippetTurns: number;
}

/** Lengths are whole multiples of this, as programs are compiled for each length. */
const lengthStep = 32;

/**
 * Chooses the encoder's and the generation's length: the input holds the prompts up to their 99th percentile and the
 * snippets at the mean length of a turn; the output holds three quarters of the openings. Both are rounded up to a
 * multiple of 32.
 */
export function chooseLengths(choice: LengthChoice): LengthSettings {
  const { tokenizer, snippets, snippetTurns, openingTurns } = choice;
  const prompts = Math.ceil(describeValues(choice.prompts).p99) + 1;
  const turn = describeValues(choice.turns).mean;
  const opening = Math.ceil(describeValues(choice.openings).p75);
  const roundUp = (length: number) => lengthStep * Math.ceil(length / lengthStep);
  const wanted = prompts + snippets * snippetTurns * turn;
  return {
    tokenizer,
    encoderLength: roundUp(wanted),
    generationLength: roundUp(opening),
    reasons: {
      encoderLength:
        `99 % of the prompts have at most ${prompts} tokens; ${snippets} snippets of ${snippetTurns} turns, ` +
        `at ${turn.toFixed(1)} tokens a turn, make it ${Math.ceil(wanted)}`,
      generationLength: `75 % of the conversations say their first ${openingTurns} turns in ${opening} tokens`,
    },
  };
}
