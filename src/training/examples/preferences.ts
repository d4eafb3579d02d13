import type { PreferenceRow, TrainingRows } from "../../corpus";
import type { Tokenizer } from "../../models";
import type { Pair } from "../pairs";
import { type EncodeRowsOptions, inLine, losesCharacters } from "./encode";
import { fitted } from "./fit";
import { lines } from "./report";
import { rowTokens } from "./tokens";

/** Pairs made of rows, and what was done for that. Rows are named by their lines. */
export interface EncodedPairs {
  readonly pairs: readonly Pair[];
  readonly path: string;
  /** Tokens of all rows of batches: each prompt is there twice. */
  readonly tokens: number;
  /** Mean tokens of the chosen and of the rejected answers. */
  readonly meanChosen: number;
  readonly meanRejected: number;
  /** Rows that were too long and whose prompts lost their oldest turns, and how many turns that were. */
  readonly shortened: readonly number[];
  readonly turnsLeftOut: number;
  /** Rows that are too long even without older turns, and are left out. */
  readonly leftOut: readonly number[];
  /** The most tokens of a prompt with the longer of its answers, without the turns that may go. */
  readonly longest: number;
  /** Rows whose two answers are the same in tokens, and are left out. */
  readonly equal: readonly number[];
  /** Rows with an answer of no tokens that say anything, and are left out. */
  readonly empty: readonly number[];
  /** Rows whose prompt's last tokens join with an answer's first. */
  readonly joined: readonly number[];
  /** Rows with characters that the tokenizer does not know. */
  readonly unknown: readonly number[];
}

/** A pair in tokens. */
interface EncodedPair {
  readonly pair: Pair;
  readonly joined: boolean;
  readonly turnsLeftOut: number;
}

/**
 * Makes pairs of rows with a prompt, a chosen and a rejected answer. The prompt of both is what their tokens share of it. No answer
 * is cut: of a conversation that is too long the oldest turns go, for both answers; what does not fit then, and text that is too
 * long, is left out and listed, and so are pairs from which nothing can be learned.
 *
 * @throws {JsonlError} naming file and line, for rows that the chat template, or an encoder–decoder, does not take
 * @throws {Error} if no pair is left
 */
export function encodePairs(source: TrainingRows<"preference">, options: EncodeRowsOptions): EncodedPairs {
  const { tokenizer, maxLength, taskType } = options;
  const encode = taskType === "CAUSAL_LM" ? causalPair(options) : encoderDecoderPair(options);
  const length = ({ promptIds, chosenIds, rejectedIds }: Pair): number => {
    const answer = Math.max(chosenIds.length, rejectedIds.length);
    return taskType === "CAUSAL_LM" ? promptIds.length + answer : Math.max(promptIds.length, answer);
  };
  const pairs: Pair[] = [];
  const found = {
    shortened: [] as number[],
    leftOut: [] as number[],
    equal: [] as number[],
    empty: [] as number[],
    joined: [] as number[],
    unknown: [] as number[],
  };
  let [tokens, chosen, rejected, longest, turnsLeftOut] = [0, 0, 0, 0, 0];
  for (const row of source.rows) {
    const { line } = row;
    const encoded = inLine(source.path, line, () => encode(row));
    const { pair } = encoded;
    const { promptIds, chosenIds, rejectedIds } = pair;
    longest = Math.max(longest, length(pair));
    const reason =
      chosenIds.join() === rejectedIds.join()
        ? found.equal
        : [chosenIds, rejectedIds].some((ids) => tokenizer.decode(ids).trim() === "")
          ? found.empty
          : length(pair) > maxLength
            ? found.leftOut
            : undefined;
    if (reason) {
      reason.push(line);
      continue;
    }
    if (encoded.turnsLeftOut > 0) found.shortened.push(line);
    turnsLeftOut += encoded.turnsLeftOut;
    if (encoded.joined) found.joined.push(line);
    if (isUnknown(row, pair, tokenizer)) found.unknown.push(line);
    pairs.push(pair);
    tokens += 2 * promptIds.length + chosenIds.length + rejectedIds.length;
    chosen += chosenIds.length;
    rejected += rejectedIds.length;
  }
  if (pairs.length === 0)
    throw new Error(
      `${source.path}: none of its ${source.rows.length} rows can be trained on: ${[
        ...(found.equal.length > 0 ? [`${found.equal.length} with two equal answers`] : []),
        ...(found.empty.length > 0 ? [`${found.empty.length} with an empty answer`] : []),
        ...(found.leftOut.length > 0
          ? [
              `${found.leftOut.length} of more than ${maxLength} tokens (maxLength; the longest has ${longest})`,
            ]
          : []),
      ].join(", ")}`,
    );
  return {
    pairs,
    path: source.path,
    ...{ tokens, longest, turnsLeftOut },
    meanChosen: chosen / pairs.length,
    meanRejected: rejected / pairs.length,
    ...found,
  };
}

/** What a reader should know of how rows became pairs, a sentence each. */
export function describePairs(encoded: EncodedPairs, maxLength: number): string[] {
  const { pairs, path, tokens, meanChosen, meanRejected, longest, turnsLeftOut } = encoded;
  const { shortened, leftOut, equal, empty, joined, unknown } = encoded;
  const of = (count: number, what: string) =>
    `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  const listed = (found: readonly number[], sentence: string) =>
    found.length > 0 ? [`${sentence}: ${lines(found)}`] : [];
  return [
    `${path}: ${of(pairs.length, "pair")}, ${of(tokens, "token")}; chosen answers have ${meanChosen.toFixed(1)} tokens on average, ` +
      `rejected ones ${meanRejected.toFixed(1)}`,
    ...listed(
      shortened,
      `${of(shortened.length, "prompt")} lost the oldest turns, ${turnsLeftOut} in all, to fit ${maxLength} tokens (maxLength) with both answers`,
    ),
    ...listed(
      leftOut,
      `${of(leftOut.length, "pair")} left out, as no answer is cut: more than ${maxLength} tokens (maxLength), up to ${longest}`,
    ),
    ...listed(equal, `${of(equal.length, "pair")} left out, as the two answers are equal`),
    ...listed(empty, `${of(empty.length, "pair")} left out, as an answer is empty`),
    ...listed(
      joined,
      `${of(joined.length, "prompt")} whose last token joins with an answer, so that the model is asked otherwise than it learned; begin ` +
        `the answers with the space, not end the prompt with it`,
    ),
    ...listed(unknown, `${of(unknown.length, "row")} with characters that the tokenizer does not know`),
  ];
}

type Encode = (row: PreferenceRow) => EncodedPair;

function causalPair({ tokenizer, maxLength }: EncodeRowsOptions): Encode {
  const tokens = rowTokens(tokenizer);
  return ({ prompt, chosen, rejected }) => {
    const { value, turnsLeftOut } = fitted(
      prompt,
      (said) => [tokens.completion(said, chosen), tokens.completion(said, rejected)] as const,
      (both) =>
        both.every(({ promptIds, completionIds }) => promptIds.length + completionIds.length <= maxLength),
    );
    const [first, second] = value;
    const promptLength = Math.min(first.promptIds.length, second.promptIds.length);
    const after = ({ promptIds, completionIds }: (typeof value)[number]) => [
      ...promptIds.slice(promptLength),
      ...completionIds,
    ];
    return {
      pair: {
        promptIds: first.promptIds.slice(0, promptLength),
        chosenIds: after(first),
        rejectedIds: after(second),
      },
      joined: value.some(({ joined }) => joined !== undefined),
      turnsLeftOut,
    };
  };
}

function encoderDecoderPair({ tokenizer }: EncodeRowsOptions): Encode {
  return (row) => {
    const [promptIds, chosenIds, rejectedIds] = [row.prompt, row.chosen, row.rejected].map((said) => {
      if (typeof said !== "string")
        throw new Error(
          'this model is an encoder–decoder, which takes no messages; write {"prompt": "…", "chosen": "…", "rejected": "…"} with text, ' +
            "or train a causal model",
        );
      return tokenizer.encode(said);
    });
    return {
      pair: { promptIds: promptIds!, chosenIds: chosenIds!, rejectedIds: rejectedIds! },
      joined: false,
      turnsLeftOut: 0,
    };
  };
}

const isUnknown = (
  { prompt, chosen, rejected }: PreferenceRow,
  { promptIds, chosenIds, rejectedIds }: Pair,
  tokenizer: Tokenizer,
) =>
  [
    { completion: chosen, labels: chosenIds },
    { completion: rejected, labels: rejectedIds },
  ].some(({ completion, labels }) =>
    losesCharacters({ prompt, completion }, { inputIds: promptIds, labels }, tokenizer),
  );
