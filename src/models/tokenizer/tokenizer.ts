import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { readJson, readText } from "../../io";
import type { HostTensor } from "../../tensors";
import { exactForTransformersJs, missingBytes } from "./exact";
import type { TokenizerFiles } from "./files";
import { rememberWords } from "./remember-words";

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

/** One turn of a conversation, as chat templates take it. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else a template knows. */
  readonly role: string;
  readonly content: string;
}

export interface ChatOptions {
  /**
   * Whether the text ends with the beginning of an assistant's turn, so that a model answers.
   * @default false
   */
  addGenerationPrompt?: boolean;
}

/** The tokens of a conversation, and which of them an assistant said. */
export interface ChatTokens {
  readonly ids: readonly number[];
  /** True for every token of an assistant's content and for the token that ends its turn. */
  readonly assistant: readonly boolean[];
}

/** The part of a @huggingface/transformers tokenizer that is used here. */
interface PretrainedTokenizer {
  readonly bos_token_id: number | undefined;
  readonly pad_token_id: number | undefined;
  readonly eos_token_id: number | undefined;
  readonly unk_token_id: number | undefined;
  encode(text: string, options: { add_special_tokens: boolean }): number[];
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  get_vocab(): Map<string, number> | Record<string, number>;
  chat_template: unknown;
  apply_chat_template(
    messages: readonly ChatMessage[],
    options: { tokenize: false; add_generation_prompt: boolean },
  ): string;
}

interface TransformersModule {
  PreTrainedTokenizer: new (tokenizer: object, config: object) => PretrainedTokenizer;
}

/** An added token of tokenizer.json. */
interface AddedToken {
  readonly id: number;
  readonly content: string;
}

/** A tokenizer: text to token ids and back, and conversations to token ids. Made by {@link loadTokenizer}. */
export class Tokenizer {
  readonly padId: number;
  readonly eosId: number;
  /** Undefined for a tokenizer that knows every text. */
  readonly unknownId: number | undefined;
  /** The token that a text of the model begins with, if there is one; `encode` does not put it there. */
  readonly bosId: number | undefined;
  /** The tokens that transformers puts before a text by itself: Llama's start of a text; none of T5's or SmolLM2's. */
  readonly textStart: readonly number[];
  /** The tokens by id; an id without a token is missing. */
  private readonly tokens: readonly (string | undefined)[];
  private readonly addedIds: ReadonlySet<number>;

  constructor(
    /** The folder, or the model's file, that it was made from. */
    readonly directory: string,
    private readonly pretrained: PretrainedTokenizer,
    private readonly added: readonly AddedToken[] = [],
    private readonly missingBytes: readonly number[] = [],
    /** Its files, where it was not made from a folder that holds them. */
    readonly files?: TokenizerFiles,
  ) {
    this.eosId = required(pretrained.eos_token_id, "eos_token", directory);
    // Where rows end is told by their lengths, so that a causal model without padding is filled up with its end token.
    this.padId = pretrained.pad_token_id ?? this.eosId;
    this.unknownId = pretrained.unk_token_id ?? undefined;
    this.bosId = pretrained.bos_token_id ?? undefined;
    this.addedIds = new Set(added.map(({ id }) => id));
    const vocabulary = pretrained.get_vocab();
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of vocabulary instanceof Map ? vocabulary : Object.entries(vocabulary))
      tokens[id] = token;
    this.tokens = tokens;
    const [bare, whole] = [false, true].map((add_special_tokens) =>
      pretrained.encode("a", { add_special_tokens }),
    ) as [number[], number[]];
    const at = whole.findIndex((_, from) => bare.every((id, i) => whole[from + i] === id));
    this.textStart = whole.slice(0, Math.max(0, at));
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
    for (const piece of this.pieces(text)) {
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

  /**
   * A long text in pieces that give the same ids one after another: it is cut at single spaces between two words, where
   * the tokenizer cuts as well. The space goes with the second word, or is left out where the tokenizer adds it.
   */
  private *pieces(text: string): Generator<string> {
    let start = 0;
    while (text.length - start > PIECE) {
      const border = /[\p{L}\p{N}.,!?] (?=[\p{L}\p{N}])/gu;
      border.lastIndex = start + PIECE;
      const match = border.exec(text);
      const keptSpaces = this.spacesOfSecondWord;
      if (!match || keptSpaces === undefined) break;
      yield text.slice(start, match.index + 1);
      start = match.index + 2 - keptSpaces;
    }
    yield text.slice(start);
  }

  /** How many spaces a second word is encoded with to give what it gives after a first one; undefined if none does. */
  private get spacesOfSecondWord(): number | undefined {
    const ids = (...texts: string[]) => texts.flatMap((text) => this.encodePiece(text)).join();
    const whole = ids("so it");
    return [0, 1].find((spaces) => ids("so", " ".repeat(spaces) + "it") === whole);
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
    if (known.length === 0) return ""; // transformers.js takes no empty list
    return this.pretrained.decode(known, {
      skip_special_tokens: options.skipSpecialTokens ?? true,
      clean_up_tokenization_spaces: false,
    });
  }

  /** Whether it has a template for conversations. */
  get hasChatTemplate(): boolean {
    return Boolean(this.pretrained.chat_template);
  }

  /**
   * A conversation as the text that the model's chat template makes of it.
   *
   * @throws {Error} if there is no template, or if it refuses the messages (their order, a role)
   */
  chatText(messages: readonly ChatMessage[], { addGenerationPrompt = false }: ChatOptions = {}): string {
    if (!this.hasChatTemplate) {
      throw new Error(
        `${this.directory}: the tokenizer has no chat template, so that it is not known how this model takes a conversation; ` +
          `take a model tuned for chat (often named …-Instruct), or put its chat_template into tokenizer_config.json`,
      );
    }
    if (messages.length === 0)
      throw new Error(`${this.directory}: a conversation without messages has no text`);
    try {
      return this.pretrained.apply_chat_template(messages, {
        tokenize: false,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      const roles = messages.map(({ role }) => role).join(", ");
      const what = `${this.directory}: the chat template does not take these messages (${roles})`;
      throw new Error(`${what}: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * The ids of a conversation, as transformers' `apply_chat_template` gives them. A control token that is spelled out in a
   * message (`<|im_end|>`) becomes that token, and so can end the turn and begin another: where messages come from
   * people or models, look for such with {@link controlTokensIn} first.
   *
   * @throws {Error} if {@link chatText} does
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions = {}): number[] {
    return this.encode(this.chatText(messages, options), { addEos: false });
  }

  /**
   * The characters of a text that do not come back from its ids, each once: they have a byte for which the vocabulary has no
   * symbol and which it leaves out without a word (SmolLM2: some control characters, those from U+40000 on).
   */
  charactersLostIn(text: string): string[] {
    if (this.missingBytes.length === 0) return [];
    const isLost = (character: string) =>
      Buffer.from(character).some((byte) => this.missingBytes.includes(byte));
    return [...new Set(text)].filter(isLost);
  }

  /** The tokens beside ordinary text (control tokens, added ones) that are spelled out in a text, each once. */
  controlTokensIn(text: string): string[] {
    return this.added
      .map(({ content }) => content)
      .filter((content) => content !== "" && text.includes(content));
  }

  /** Of {@link controlTokensIn} those that no text shows: they tell a model who speaks. */
  unshownTokensIn(text: string): string[] {
    return this.controlTokensIn(text).filter(
      (token) => this.decode(this.encode(token, { addEos: false })).trim() !== token.trim(),
    );
  }

  /**
   * The ids of a conversation with a mask of what assistants said: their contents, each with the token that ends the turn,
   * but not what the template writes before and after it. Found by writing the conversation up to before and up to after
   * each of these turns: both must be beginnings of the whole, in text and in tokens.
   *
   * @throws {Error} if the template writes earlier turns differently once others follow, if the
   *   beginning of a content joins with what the template writes before it, or if no token ends the turn; it names the message
   */
  chatTokens(messages: readonly ChatMessage[], first = 0): ChatTokens {
    const text = this.chatText(messages);
    const ids = this.encode(text, { addEos: false });
    const assistant = new Array<boolean>(ids.length).fill(false);
    messages.forEach(({ role }, i) => {
      if (role !== "assistant" || i < first) return;
      const refuse = (why: string): never => {
        throw new Error(`${this.directory}: message ${i + 1} of ${messages.length} (assistant): ${why}`);
      };
      const lengthOf = (part: string, of: string): number => {
        if (!text.startsWith(part))
          refuse(
            `the chat template writes ${of} differently in the whole conversation, so that its tokens cannot be told apart`,
          );
        const tokens = this.encode(part, { addEos: false });
        if (tokens.some((id, at) => ids[at] !== id))
          refuse(`the tokens of ${of} do not end where its text does; trim white space around the content`);
        return tokens.length;
      };
      const begin = lengthOf(
        this.chatText(messages.slice(0, i), { addGenerationPrompt: true }),
        "what stands before it",
      );
      let end = lengthOf(this.chatText(messages.slice(0, i + 1)), "it and what stands before it");
      while (end > begin && !this.addedIds.has(ids[end - 1]!)) end--;
      if (end <= begin)
        refuse("the chat template ends it with no token of its own, so that a model would not learn to stop");
      assistant.fill(true, begin, end);
    });
    return { ids, assistant };
  }
}

/** Characters after which a text is encoded in pieces: transformers.js cannot return more than about 100,000 ids at once. */
const PIECE = 50_000;

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

const tokenizerFile = z.looseObject({
  model: z.looseObject({}),
  added_tokens: z.array(z.looseObject({ id: z.number(), content: z.string() })).optional(),
});
const configFile = z.looseObject({ tokenizer_class: z.string() });

/** Where newer releases of transformers keep a chat template. */
const TEMPLATE_FILE = "chat_template.jinja";

/**
 * Loads a tokenizer through @huggingface/transformers, which is imported on the first call: that of a model directory in
 * Hugging Face layout (tokenizer.json and tokenizer_config.json; chat_template.jinja if there), or one whose files are
 * given. Nothing is fetched. Throws an Error that names the file when one is missing or malformed.
 */
export async function loadTokenizer(from: string | TokenizerFiles): Promise<Tokenizer> {
  const files = typeof from === "string" ? readTokenizerFiles(resolve(from)) : from;
  const { source } = files;
  const tokenizer = checked(tokenizerFile, files.tokenizer, join(source, "tokenizer.json"));
  const config = checked(configFile, files.config, join(source, "tokenizer_config.json"));
  const { PreTrainedTokenizer } = await importTransformers();
  try {
    const pretrained = new PreTrainedTokenizer(exactForTransformersJs(tokenizer), config);
    rememberWords(pretrained);
    return new Tokenizer(
      source,
      pretrained,
      tokenizer.added_tokens,
      missingBytes(tokenizer),
      typeof from === "string" ? undefined : from,
    );
  } catch (cause) {
    throw new Error(`${source}: the tokenizer does not load (${(cause as Error).message})`, { cause });
  }
}

/** The files of a model directory's tokenizer. */
export function readTokenizerFiles(source: string): TokenizerFiles {
  const read = (name: string) => {
    const file = join(source, name);
    if (!existsSync(file)) throw new Error(`${file}: no such file; a tokenizer directory needs it`);
    return readJson(file) as Record<string, unknown>;
  };
  const [tokenizer, config] = [read("tokenizer.json"), read("tokenizer_config.json")];
  const template = join(source, TEMPLATE_FILE);
  if (!existsSync(template)) return { source, tokenizer, config };
  return { source, tokenizer, config: { ...config, chat_template: readText(template) } };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`${what}: not a tokenizer file: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
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
