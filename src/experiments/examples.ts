import { z } from "zod";
import { type Dialogue, factsOf, type Splits } from "../corpus";
import { personaWords } from "../metrics";
import { inputTokens, type TaskType } from "../models";
import type { Tokenizer } from "../models/tokenizer";
import { buildPrompt, buildTarget, type Prompt } from "../prompts";
import { Random } from "../random";
import { cutToTokens, simpleTokens } from "../text";
import type { Example } from "../training";
import type { ExperimentSettings } from "./settings";
import { type Snippet, snippetFinder } from "./snippets";

/**
 * The turn from which on a text of `tokens` tokens says most of the personas' content words, the earliest of several. A
 * token is taken as three quarters of a word.
 */
export function mostPersonalTurn(
  { personas, turns }: Pick<Dialogue, "personas" | "turns">,
  tokens: number,
): number {
  const wanted = personaWords(factsOf(personas), { ignoreStopWords: true });
  const turnWords = turns.map(({ text }) => simpleTokens(text));
  const room = 0.75 * tokens;
  let best = { start: 0, said: 0 };
  for (let start = 0; start < turns.length; start++) {
    const said = new Set<string>();
    let words = 0;
    for (let turn = start; turn < turns.length && words < room; turn++) {
      for (const word of turnWords[turn]!) if (wanted.has(word)) said.add(word);
      words += turnWords[turn]!.length;
    }
    if (said.size > best.said) best = { start, said: said.size };
  }
  return best.start;
}

/** A model's input for a conversation's personas, with the snippets it was made of. */
export interface ModelInput extends Prompt {
  readonly retrieved: readonly Snippet[];
}

/**
 * How inputs of conversations are made, for training and evaluation alike: personas and snippets of `pool` (training conversations) in the
 * prompt's form, at most `maxInputTokens` of the tokenizer long.
 */
export function inputBuilder(
  settings: ExperimentSettings,
  pool: readonly Dialogue[],
  tokenizer: Tokenizer,
): (conversations: readonly Pick<Dialogue, "id" | "personas">[]) => Promise<ModelInput[]> {
  const find = snippetFinder(pool, settings);
  const budget = {
    maxTokens: settings.maxInputTokens,
    countTokens: (text: string) => tokenizer.encode(text).length,
  };
  return async (conversations) => {
    const found = await find(conversations);
    return conversations.map((conversation, i) => {
      const retrieved = found[i]!;
      const snippets = retrieved.map(({ text }) => text);
      return {
        ...buildPrompt(conversation, { variant: settings.promptVariant, snippets, budget }),
        retrieved,
      };
    });
  };
}

/** What did not fit: how many examples lost something, and how much. */
export const truncationSchema = z.object({
  examples: z.number(),
  /** Conversations without a turn, which give no example. */
  withoutTurns: z.number(),
  /** Prompts that lost words of a snippet, and the words; the same for personas, which are cut only when no snippet is left. */
  promptsWithCutSnippets: z.number(),
  snippetWords: z.number(),
  promptsWithCutPersonas: z.number(),
  personaWords: z.number(),
  /** Conversations whose end is not in the target. */
  cutTargets: z.number(),
});
export type Truncation = z.infer<typeof truncationSchema>;

/** Examples for the trainer, with what was cut to make them. */
export interface EncodedExamples {
  readonly examples: readonly Example[];
  readonly truncation: Truncation;
}

/**
 * Conversations as examples: the input of {@link inputBuilder}, and as labels `maxNewTokens` tokens of the conversation from
 * its first turn on, or from the one that `targetStart` asks for.
 * Where `personaWeight` is not 1, labels have weights: it for the tokens of the personas' content words, 1 for others.
 * The input of a causal model does not end either: the labels go on from it, as generation does.
 * Only a conversation that fits whole ends with the end-of-sequence token: where it was cut it does not end.
 */
export async function encodeExamples(
  conversations: readonly Dialogue[],
  buildInputs: ReturnType<typeof inputBuilder>,
  tokenizer: Tokenizer,
  {
    maxNewTokens,
    targetStart,
    personaWeight,
  }: Pick<ExperimentSettings, "maxNewTokens" | "targetStart" | "personaWeight">,
  taskType: TaskType,
): Promise<EncodedExamples> {
  if (personaWeight !== 1) requireSpaces(tokenizer);
  const counts = Object.keys(truncationSchema.shape).map((name) => [name, 0]);
  const truncation = Object.fromEntries(counts) as Truncation;
  const examples: Example[] = [];
  const told = conversations.filter(({ turns }) => turns.length > 0);
  truncation.withoutTurns = conversations.length - told.length;
  const inputs = await buildInputs(told);
  for (const [i, conversation] of told.entries()) {
    const { text, cut } = inputs[i]!;
    // A word has at least one token, so that the rest of a long conversation need not be encoded.
    const { turns } = conversation;
    const start = targetStart === "persona" ? mostPersonalTurn(conversation, maxNewTokens) : 0;
    const target = buildTarget({ turns: turns.slice(start) });
    const whole = tokenizer.encode(cutToTokens(target, maxNewTokens + 1));
    const isCut = whole.length > maxNewTokens;
    const labels = whole.slice(0, maxNewTokens);
    const inputIds = inputTokens(tokenizer, taskType, text);
    if (personaWeight === 1) examples.push({ inputIds, labels });
    else {
      const wanted = personaWords(factsOf(conversation.personas), { ignoreStopWords: true });
      examples.push({
        inputIds,
        labels,
        labelWeights: wordWeights(labels, wanted, personaWeight, tokenizer),
      });
    }
    truncation.examples++;
    truncation.promptsWithCutSnippets += Number(cut.snippetWords > 0);
    truncation.snippetWords += cut.snippetWords;
    truncation.promptsWithCutPersonas += Number(cut.personaWords > 0);
    truncation.personaWords += cut.personaWords;
    truncation.cutTargets += Number(isCut);
  }
  return { examples, truncation };
}

/** `weight` for the tokens of words that `wanted` has, 1 for others. A word begins at a token with a space before it. */
function wordWeights(
  ids: readonly number[],
  wanted: ReadonlySet<string>,
  weight: number,
  tokenizer: Pick<Tokenizer, "token" | "eosId">,
): number[] {
  const pieces = ids.map((id) => tokenizer.token(id) ?? "");
  const begins = (i: number) => i === 0 || pieces[i]!.startsWith(SPACE) || ids[i] === tokenizer.eosId;
  const starts = [...pieces.keys()].filter(begins);
  return starts.flatMap((start, i) => {
    const word = pieces.slice(start, starts[i + 1]);
    const isWanted = simpleTokens(word.join("").replaceAll(SPACE, " ")).some((token) => wanted.has(token));
    return word.map(() => (isWanted ? weight : 1));
  });
}

/** How a tokenizer of SentencePiece's kind writes a space. */
const SPACE = "▁";

/** Throws unless words can be told apart in a tokenizer's tokens. */
function requireSpaces(tokenizer: Tokenizer): void {
  if (tokenizer.encode("a b", { addEos: false }).some((id) => tokenizer.token(id)?.includes(SPACE))) return;
  throw new Error(
    `${tokenizer.directory}: personaWeight weights words, and this tokenizer does not write spaces as ${SPACE}, by which they are told apart: leave it at 1`,
  );
}

/** The conversations of an experiment: training ones drawn by its seed, the first ones of the other splits. */
export function experimentSplits(splits: Splits, settings: ExperimentSettings): Splits {
  const { seed, nTrain, nValidation, nTest } = settings;
  return {
    train: new Random(seed).shuffle(splits.train).slice(0, nTrain),
    valid: splits.valid.slice(0, nValidation),
    test: splits.test.slice(0, nTest),
  };
}
