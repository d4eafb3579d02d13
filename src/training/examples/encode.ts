import {
  type CompletionRow,
  type ConversationRow,
  JsonlError,
  type Message,
  type RowMeta,
  type TrainingRows,
} from "../../corpus";
import { IGNORED_LABEL, type TaskType, type Tokenizer } from "../../models";
import type { Example } from "../batches";
import { fitted } from "./fit";
import { type RowTokens, rowTokens } from "./tokens";

export interface EncodeRowsOptions {
  readonly tokenizer: Tokenizer;
  /** Whether a completion is a sequence of its own or follows its prompt. */
  readonly taskType: TaskType;
  /** The most tokens of a row; of an encoder–decoder, of a prompt and of a completion each. */
  readonly maxLength: number;
  /**
   * The tasks of a mixture: each row says in `meta.task` which of them it is of.
   * @default none: `meta` is not read
   */
  readonly tasks?: readonly string[];
}

/** Examples made of rows, and what was done for that. Rows are named by their lines. */
export interface EncodedRows {
  /** For {@link rowBatches}: labels of a causal model stand at their own tokens. */
  readonly examples: readonly Example[];
  readonly path: string;
  /** Tokens of all examples, and how many of them are learned. */
  readonly tokens: number;
  readonly labels: number;
  /** Rows that were too long and lost their oldest turns, and how many turns that were. */
  readonly shortened: readonly number[];
  readonly turnsLeftOut: number;
  /** Rows that are too long even without older turns, and are left out. */
  readonly leftOut: readonly number[];
  /** The most tokens of a row, without the turns that may go. */
  readonly longest: number;
  /** Rows whose prompt's last tokens join with the completion's first. */
  readonly joined: readonly number[];
  /** Rows with characters that the tokenizer does not know. */
  readonly unknown: readonly number[];
}

/** A row in tokens. */
interface EncodedRow {
  readonly example: Example;
  readonly joined?: boolean;
  readonly turnsLeftOut?: number;
}

/**
 * Makes examples of rows. Of prompt and completion the completion is learned, of a conversation what assistants say; ends of turns
 * and of texts are learned, too. No answer is cut: of a conversation that is too long the oldest turns go ({@link fitted}); what
 * does not fit then, and text that is too long, is left out and listed.
 *
 * @throws {JsonlError} naming file and line, for rows that the chat template, or an encoder–decoder, does not take
 * @throws {Error} if no row is left
 */
export function encodeRows(
  source: TrainingRows<"completion" | "conversation">,
  options: EncodeRowsOptions,
): EncodedRows {
  const { tokenizer, maxLength } = options;
  const encode = encoder(options);
  const taskOf = options.tasks && taskNamed(options.tasks);
  const examples: Example[] = [];
  const lines = {
    shortened: [] as number[],
    leftOut: [] as number[],
    joined: [] as number[],
    unknown: [] as number[],
  };
  let [tokens, labels, longest, turnsLeftOut] = [0, 0, 0, 0];
  for (const row of source.rows) {
    const { line } = row;
    const { example, ...encoded } = inLine(source.path, line, () => encode(row));
    const length = lengthOf(example, options);
    longest = Math.max(longest, length);
    if (length > maxLength) {
      lines.leftOut.push(line);
      continue;
    }
    if (encoded.turnsLeftOut) lines.shortened.push(line);
    turnsLeftOut += encoded.turnsLeftOut ?? 0;
    if (encoded.joined) lines.joined.push(line);
    if (losesCharacters(row, example, tokenizer)) lines.unknown.push(line);
    examples.push(
      taskOf === undefined ? example : { ...example, task: inLine(source.path, line, () => taskOf(row)) },
    );
    tokens += example.inputIds.length;
    labels += example.labels.filter((label) => label !== IGNORED_LABEL).length;
  }
  if (examples.length === 0)
    throw new Error(
      `${source.path}: none of its ${source.rows.length} rows fits into ${maxLength} tokens (maxLength); the longest has ${longest}`,
    );
  return { examples, path: source.path, tokens, labels, longest, turnsLeftOut, ...lines };
}

/** Which of some tasks a row is of, by its place among them. */
const taskNamed =
  (tasks: readonly string[]) =>
  ({ meta }: { readonly meta?: RowMeta }): number => {
    const named = meta?.["task"];
    const task = tasks.indexOf(named as string);
    if (task >= 0) return task;
    const found = named === undefined ? "is missing" : `is ${JSON.stringify(named)}`;
    throw new Error(`meta.task: ${found}; it must be one of the mixture's tasks: ${tasks.join(", ")}`);
  };

const lengthOf = ({ inputIds, labels }: Example, { taskType }: EncodeRowsOptions): number =>
  taskType === "CAUSAL_LM" ? inputIds.length : Math.max(inputIds.length, labels.length);

/** Whether a row says something that its tokens do not. */
export function losesCharacters(
  row: CompletionRow | ConversationRow,
  { inputIds, labels }: Example,
  tokenizer: Tokenizer,
): boolean {
  const { unknownId } = tokenizer;
  const texts = Object.values(row as object).flatMap((said: string | readonly Message[]) =>
    typeof said === "string" ? said : Array.isArray(said) ? said.map(({ content }: Message) => content) : [],
  );
  return (
    (unknownId !== undefined && (inputIds.includes(unknownId) || labels.includes(unknownId))) ||
    texts.some((text) => tokenizer.charactersLostIn(text).length > 0)
  );
}

function encoder(options: EncodeRowsOptions): (row: CompletionRow | ConversationRow) => EncodedRow {
  if (options.taskType === "SEQ_2_SEQ_LM") return (row) => pairExample(row, options.tokenizer);
  const tokens = rowTokens(options.tokenizer);
  return (row) =>
    "messages" in row
      ? conversationExample(row, tokens, options.maxLength)
      : completionExample(row, tokens, options.maxLength);
}

function completionExample(
  { prompt, completion }: CompletionRow,
  tokens: RowTokens,
  maxLength: number,
): EncodedRow {
  const { value, turnsLeftOut } = fitted(
    prompt,
    (said) => tokens.completion(said, completion),
    ({ promptIds, completionIds }) => promptIds.length + completionIds.length <= maxLength,
  );
  const { promptIds, completionIds, joined } = value;
  return {
    example: labelled([...promptIds, ...completionIds], (at) => at >= promptIds.length),
    joined: joined !== undefined,
    turnsLeftOut,
  };
}

function conversationExample(
  { messages }: ConversationRow,
  tokens: RowTokens,
  maxLength: number,
): EncodedRow {
  const { value, turnsLeftOut } = fitted(messages, tokens.conversation, ({ ids }) => ids.length <= maxLength);
  return { example: labelled(value.ids, (at) => value.assistant[at]!), turnsLeftOut };
}

/** A causal model's row with labels where they are wanted; its first token has none, as nothing is before it. */
const labelled = (inputIds: readonly number[], wanted: (at: number) => boolean): Example => ({
  inputIds,
  labels: inputIds.map((id, at) => (at > 0 && wanted(at) ? id : IGNORED_LABEL)),
});

/** What an encoder–decoder reads and what it learns to write. */
function pairExample(row: CompletionRow | ConversationRow, tokenizer: Tokenizer): EncodedRow {
  if ("messages" in row || typeof row.prompt !== "string" || typeof row.completion !== "string")
    throw new Error(
      'this model is an encoder–decoder, which takes no messages; write {"prompt": "…", "completion": "…"} with text, or train a causal model',
    );
  return { example: { inputIds: tokenizer.encode(row.prompt), labels: tokenizer.encode(row.completion) } };
}

/** Does something with a row; what goes wrong is of its line. */
export function inLine<T>(path: string, line: number, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new JsonlError(path, line, (cause as Error).message);
  }
}
