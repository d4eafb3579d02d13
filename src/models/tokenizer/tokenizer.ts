import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { readJson } from "../../io";
import type { HostTensor } from "../../tensors";

/** A batch of token sequences, padded on the right to one length. */
export interface TokenBatch {
  /** [batch, length] token ids. */
  readonly inputIds: HostTensor<"int32">;
  /** [batch, length], 1 where there is a token and 0 where there is padding. */
  readonly attentionMask: HostTensor<"int32">;
  /** The number of tokens of each row. */
  readonly lengths: readonly number[];
}

export interface EncodeOptions {
  /**
   * The most tokens to keep, the final end-of-sequence token included.
   * @default no limit
   */
  maxLength?: number;
  /**
   * Whether to end with the end-of-sequence token, as T5 was trained.
   * @default true
   */
  addEos?: boolean;
}

export interface EncodeBatchOptions extends EncodeOptions {
  /**
   * The length to pad to; no row may be longer.
   * @default the longest row
   */
  padTo?: number;
}

export interface DecodeOptions {
  /**
   * Whether special tokens (padding, end of sequence, …) are left out of the text.
   * @default true
   */
  skipSpecialTokens?: boolean;
}

/** The part of a @huggingface/transformers tokenizer that is used here. */
interface PretrainedTokenizer {
  readonly pad_token_id: number | undefined;
  readonly eos_token_id: number | undefined;
  readonly unk_token_id: number | undefined;
  encode(text: string, options: { add_special_tokens: boolean }): number[];
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  get_vocab(): Map<string, number> | Record<string, number>;
}

interface TransformersModule {
  AutoTokenizer: {
    from_pretrained(directory: string, options: { local_files_only: true }): Promise<PretrainedTokenizer>;
  };
}

/** A T5-style tokenizer: text to token ids and back. Made by {@link loadTokenizer}. */
export class Tokenizer {
  readonly padId: number;
  readonly eosId: number;
  readonly unknownId: number;
  /** The tokens by id; an id without a token is missing. */
  private readonly tokens: readonly (string | undefined)[];

  constructor(
    /** The directory whose files it was made from. */
    readonly directory: string,
    private readonly pretrained: PretrainedTokenizer,
  ) {
    this.padId = required(pretrained.pad_token_id, "pad_token", directory);
    this.eosId = required(pretrained.eos_token_id, "eos_token", directory);
    this.unknownId = required(pretrained.unk_token_id, "unk_token", directory);
    const vocabulary = pretrained.get_vocab();
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of vocabulary instanceof Map ? vocabulary : Object.entries(vocabulary))
      tokens[id] = token;
    this.tokens = tokens;
  }

  /** One more than the largest token id. A model's vocabulary may be larger (FLAN-T5: 32,100 tokens, 32,128 rows). */
  get vocabularySize(): number {
    return this.tokens.length;
  }

  /** The token of an id as the vocabulary writes it (`▁` marks a space), or undefined for an id without a token. */
  token(id: number): string | undefined {
    return this.tokens[id];
  }

  /** The ids of a text. When it is cut to `maxLength` it still ends with the end-of-sequence token, unless left out. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { maxLength = Infinity, addEos = true } = options;
    const room = maxLength - (addEos ? 1 : 0);
    if (!(room >= 0)) throw new RangeError(`maxLength must be at least ${addEos ? 1 : 0}, not ${maxLength}`);
    const ids: number[] = [];
    for (const piece of pieces(text)) {
      for (const id of this.encodePiece(piece)) ids.push(id);
      if (ids.length >= room) break;
    }
    if (ids.length > room) ids.length = room;
    if (addEos) ids.push(this.eosId);
    return ids;
  }

  private encodePiece(piece: string): number[] {
    try {
      return this.pretrained.encode(piece, { add_special_tokens: false });
    } catch (cause) {
      if (!(cause instanceof RangeError && piece.length > PIECE)) throw cause;
      const what = `a text of ${piece.length} characters without a space between two words`;
      throw new RangeError(`${what} is too long for the tokenizer`, { cause });
    }
  }

  /** The ids of several texts as one batch, padded on the right. */
  encodeBatch(texts: readonly string[], options: EncodeBatchOptions = {}): TokenBatch {
    return padBatch(
      texts.map((text) => this.encode(text, options)),
      this.padId,
      options.padTo,
    );
  }

  /** The text of ids, exactly as the tokens spell it. Ids without a token give nothing. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const known = [...ids].filter((id) => this.tokens[id] !== undefined);
    return this.pretrained.decode(known, {
      skip_special_tokens: options.skipSpecialTokens ?? true,
      clean_up_tokenization_spaces: false,
    });
  }
}

/** Characters after which a text is encoded in pieces: transformers.js cannot return more than about 100,000 ids at once. */
const PIECE = 50_000;

/**
 * A long text in pieces that give the same ids one after another: it is cut at single spaces between two words,
 * where the tokenizer cuts as well and writes the space as the second word's beginning.
 */
function* pieces(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > PIECE) {
    const border = /[\p{L}\p{N}.,!?] (?=[\p{L}\p{N}])/gu;
    border.lastIndex = start + PIECE;
    const match = border.exec(text);
    if (!match) break;
    yield text.slice(start, match.index + 1);
    start = match.index + 2;
  }
  yield text.slice(start);
}

/** Rows of token ids as one batch, padded on the right with `padId` to `padTo` (the longest row unless told). */
export function padBatch(rows: readonly (readonly number[])[], padId: number, padTo?: number): TokenBatch {
  const lengths = rows.map((row) => row.length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const length = padTo ?? longest;
  if (longest > length) throw new RangeError(`a row of ${longest} tokens does not fit padTo ${length}`);
  const ids = new Int32Array(rows.length * length).fill(padId);
  const mask = new Int32Array(rows.length * length);
  rows.forEach((row, i) => {
    ids.set(row, i * length);
    mask.fill(1, i * length, i * length + row.length);
  });
  const shape = [rows.length, length];
  return {
    inputIds: { dtype: "int32", shape, data: ids },
    attentionMask: { dtype: "int32", shape, data: mask },
    lengths,
  };
}

const tokenizerFile = z.looseObject({ model: z.looseObject({}) });
const configFile = z.looseObject({ tokenizer_class: z.string() });

/**
 * Loads the tokenizer of a model directory in Hugging Face layout (tokenizer.json and tokenizer_config.json) through
 * @huggingface/transformers, which is imported on the first call. Nothing is fetched. Throws an Error that names the
 * file when one is missing or malformed.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const path = resolve(directory);
  for (const [name, schema] of [
    ["tokenizer.json", tokenizerFile],
    ["tokenizer_config.json", configFile],
  ] as const) {
    const file = join(path, name);
    if (!existsSync(file)) throw new Error(`${file}: no such file; a tokenizer directory needs it`);
    const parsed = schema.safeParse(readJson(file));
    if (!parsed.success) throw new Error(`${file}: not a tokenizer file: ${z.prettifyError(parsed.error)}`);
  }
  const { AutoTokenizer } = await importTransformers();
  try {
    return new Tokenizer(path, await AutoTokenizer.from_pretrained(path, { local_files_only: true }));
  } catch (cause) {
    throw new Error(`${path}: the tokenizer does not load (${(cause as Error).message})`, { cause });
  }
}

/** By a name that is not a literal, so that compiling a notebook cell need not read all its type declarations. */
async function importTransformers(): Promise<TransformersModule> {
  const name: string = "@huggingface/transformers";
  return (await import(name)) as TransformersModule;
}

function required(id: number | undefined, token: string, directory: string): number {
  if (id === undefined || id === null) throw new Error(`${directory}: the tokenizer has no ${token}`);
  return id;
}
