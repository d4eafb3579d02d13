import type { GgufMetadata } from "../../tensors";
import {
  type AddedToken,
  beginWith,
  sentencePieceFile,
  type TokenizerFiles,
  tokenizerFile,
  type TokenKind,
} from "../tokenizer";

/** `tokenizer.ggml.token_type` by number. */
const KINDS: readonly (TokenKind | undefined)[] = [
  undefined,
  "normal",
  "unknown",
  "control",
  "user",
  "unused",
  "byte",
];

const byteLevel = (useRegex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

/** Words as Llama 3 and Qwen2 split them, which differ in how many digits go together. */
const words = (digits: string) => ({
  type: "Sequence",
  pretokenizers: [
    {
      type: "Split",
      pattern: {
        Regex: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
      },
      behavior: "Isolated",
      invert: false,
    },
    byteLevel(false),
  ],
});

/** What a byte-level vocabulary does not say of itself, by `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: Readonly<
  Record<string, { preTokenizer: object; normalizer?: object; ignoreMerges?: boolean }>
> = {
  "gpt-2": { preTokenizer: byteLevel(true) },
  smollm: {
    preTokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true)],
    },
  },
  "llama-bpe": { preTokenizer: words("\\p{N}{1,3}"), ignoreMerges: true },
  qwen2: { preTokenizer: words("\\p{N}"), normalizer: { type: "NFC" } },
};

/**
 * tokenizer.json and tokenizer_config.json from the `tokenizer.…` fields of a GGUF file: byte-level BPE ("gpt2") whose
 * pre-tokenizer is known by its name, SentencePiece BPE ("llama"), or what `tokenizer.huggingface.json` holds.
 *
 * @throws {Error} if a field is missing, malformed or not known; it names file and field
 */
export function readGgufTokenizer(metadata: GgufMetadata): TokenizerFiles {
  const { path } = metadata;
  const field = (name: string) => `tokenizer.ggml.${name}`;
  const need = <T>(name: string, value: T | undefined): T => {
    if (value === undefined)
      throw new Error(`${path}: ${field(name)} is missing, so that no tokenizer can be made`);
    return value;
  };
  const model = need("model", metadata.string(field("model")));
  const tokens = need("tokens", metadata.strings(field("tokens")));
  const types = need("token_type", metadata.numbers(field("token_type")));
  if (types.length !== tokens.length)
    throw new Error(
      `${path}: ${field("token_type")} has ${types.length} entries for ${tokens.length} tokens`,
    );
  const kinds = types.map((type, id) => {
    const kind = KINDS[type];
    if (kind === undefined)
      throw new Error(`${path}: ${field("token_type")} of token ${id} is ${type}, which is unknown`);
    return kind;
  });
  const idOf = (name: string) => {
    const id = metadata.count(field(`${name}_token_id`));
    if (id !== undefined && id >= tokens.length)
      throw new Error(
        `${path}: ${field(`${name}_token_id`)} is ${id}, but there are ${tokens.length} tokens`,
      );
    return id;
  };
  const bos = idOf("bos");
  const begin = (otherwise: boolean) =>
    (metadata.boolean(field("add_bos_token")) ?? otherwise) && bos !== undefined ? bos : undefined;

  const made = (): Record<string, unknown> => {
    const whole = metadata.string("tokenizer.huggingface.json");
    if (whole !== undefined) return parseWhole(path, whole);
    if (model === "gpt2") {
      const merges = need("merges", metadata.strings(field("merges")));
      return byteLevelFile(path, metadata.string(field("pre")), tokens, kinds, merges, begin(false));
    }
    if (model === "llama") {
      const scores = need("scores", metadata.numbers(field("scores")));
      if (scores.length !== tokens.length)
        throw new Error(
          `${path}: ${field("scores")} has ${scores.length} entries for ${tokens.length} tokens`,
        );
      const pieces = tokens.map((text, id) => ({ text, score: scores[id]!, kind: kinds[id]! }));
      const prefix = metadata.boolean(field("add_space_prefix")) ?? true;
      return sentencePieceFile(pieces, { prefix, begin: begin(true) });
    }
    throw new Error(
      `${path}: ${field("model")} ${JSON.stringify(model)} is not supported, only "gpt2" and "llama"; ` +
        `take the model's folder with tokenizer.json`,
    );
  };
  const tokenizer = made();
  const named = (name: string) => {
    const id = idOf(name);
    return id === undefined ? undefined : tokens[id];
  };
  const unknown = named("unknown") ?? tokens[kinds.indexOf("unknown")];
  const template = metadata.string("tokenizer.chat_template");
  return {
    source: path,
    tokenizer,
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      ...(bos !== undefined && { bos_token: tokens[bos] }),
      ...(named("eos") !== undefined && { eos_token: named("eos") }),
      ...(named("padding") !== undefined && { pad_token: named("padding") }),
      ...(unknown !== undefined && { unk_token: unknown }),
      ...(template !== undefined && { chat_template: template }),
    },
  };
}

function parseWhole(path: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`${path}: tokenizer.huggingface.json is not valid JSON (${(cause as Error).message})`, {
      cause,
    });
  }
}

function byteLevelFile(
  path: string,
  pre: string | undefined,
  tokens: readonly string[],
  kinds: readonly TokenKind[],
  merges: readonly string[],
  begin: number | undefined,
): Record<string, unknown> {
  const known = pre !== undefined && Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined;
  if (!known) {
    const names = Object.keys(PRE_TOKENIZERS).join(", ");
    throw new Error(
      `${path}: tokenizer.ggml.pre ${pre === undefined ? "is missing" : `${JSON.stringify(pre)} is not known`}, and without it ` +
        `texts may get other tokens than the model was trained with; known are ${names}. Take the model's folder with tokenizer.json`,
    );
  }
  const odd = merges.findIndex((merge) => !/^[^ ]+ [^ ]+$/.test(merge));
  if (odd >= 0)
    throw new Error(
      `${path}: tokenizer.ggml.merges: entry ${odd}, ${JSON.stringify(merges[odd])}, is not two tokens`,
    );
  const vocab = new Map<string, number>();
  const added: AddedToken[] = [];
  tokens.forEach((content, id) => {
    if (kinds[id] === "unused") return;
    if (vocab.has(content)) {
      const first = vocab.get(content);
      throw new Error(
        `${path}: tokenizer.ggml.tokens: ${first} and ${id} are both ${JSON.stringify(content)}`,
      );
    }
    vocab.set(content, id);
    if (kinds[id] !== "normal") added.push({ id, content, special: kinds[id] !== "user" });
  });
  return tokenizerFile(added, {
    normalizer: known.normalizer,
    preTokenizer: known.preTokenizer,
    ...(begin !== undefined && { postProcessor: beginWith(tokens[begin]!, begin) }),
    decoder: byteLevel(true),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: known.ignoreMerges ?? false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  });
}
