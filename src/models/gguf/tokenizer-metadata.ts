import type { GgufValue } from "../../tensors";
import type { TokenizerFiles } from "../tokenizer";
import { PRE_TOKENIZERS } from "./tokenizer";

type Json = Readonly<Record<string, unknown>>;

/** `tokenizer.ggml.token_type` of the kinds that are written. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER = 4;
const UNUSED = 5;
const BYTE = 6;

/** The score of pieces that nothing is merged into. */
const LEAST_SCORE = -1e6;

/**
 * The `tokenizer.…` fields that say what a tokenizer.json says: a byte-level BPE whose pre-tokenizer llama.cpp has a name
 * for, or a SentencePiece BPE (byte_fallback), whose scores are made from the order of its merges.
 *
 * @param rows of the embedding: ids without a token are filled up with unused ones
 * @param ends ids that end a turn or a text, the first of which is EOS
 * @throws {Error} if llama.cpp has no word for something, which it names
 */
export function tokenizerMetadata(
  path: string,
  { tokenizer, config, source }: TokenizerFiles,
  rows: number,
  ends: readonly number[],
): [string, GgufValue][] {
  const model = tokenizer["model"] as Json;
  const refuse = (why: string): never => {
    throw new Error(`${path}: the tokenizer of ${source} cannot be written as GGUF: ${why}`);
  };
  if (model["type"] !== "BPE") refuse(`its model is ${JSON.stringify(model["type"])}, not BPE`);
  const added = (tokenizer["added_tokens"] ?? []) as { id: number; content: string; special: boolean }[];
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(rows).fill(UNUSED);
  const place = (content: string, id: number, type: number) => {
    if (!(id >= 0 && id < rows)) refuse(`token ${id} has no row in the embedding, which has ${rows}`);
    tokens[id] = content;
    types[id] = type;
  };
  const isSentencePiece = model["byte_fallback"] === true;
  const unknown = model["unk_token"] ?? config["unk_token"];
  for (const [content, id] of Object.entries(model["vocab"] as Record<string, number>))
    place(content, id, isSentencePiece && /^<0x[0-9A-F]{2}>$/.test(content) ? BYTE : NORMAL);
  for (const { id, content, special } of added)
    place(content, id, isSentencePiece && content === unknown ? UNKNOWN : special ? CONTROL : USER);

  const merges = (model["merges"] as (string | [string, string])[]).map((merge) =>
    typeof merge === "string" ? merge : merge.join(" "),
  );
  const text = (value: string): GgufValue => ({ type: "string", value });
  const list = (of: "string" | "int32" | "float32", value: readonly (string | number)[]): GgufValue => ({
    type: "array",
    of,
    value,
  });
  const idOf = (name: string): number | undefined => {
    const token = config[name] as string | { content?: string } | null | undefined;
    const content = typeof token === "string" ? token : token?.content;
    const id = content === undefined ? -1 : tokens.indexOf(content);
    return id < 0 ? undefined : id;
  };
  const [eos = idOf("eos_token"), eot, eom] = ends;
  const ids = {
    bos: idOf("bos_token"),
    eos,
    eot,
    eom,
    unknown: idOf("unk_token"),
    padding: idOf("pad_token"),
  };
  const template = config["chat_template"];
  const beginsWithBos = JSON.stringify(tokenizer["post_processor"] ?? null).includes('"TemplateProcessing"');
  return [
    ["tokenizer.ggml.model", text(isSentencePiece ? "llama" : "gpt2")],
    ["tokenizer.ggml.pre", text(isSentencePiece ? "default" : preTokenizerName(tokenizer, refuse))],
    ["tokenizer.ggml.tokens", list("string", tokens)],
    ["tokenizer.ggml.token_type", list("int32", types)],
    ...(isSentencePiece
      ? ([
          ["tokenizer.ggml.scores", list("float32", scoresOf(tokens, merges))],
          ["tokenizer.ggml.add_space_prefix", { type: "bool", value: hasPrefix(tokenizer) }],
        ] as [string, GgufValue][])
      : ([["tokenizer.ggml.merges", list("string", merges)]] as [string, GgufValue][])),
    ...Object.entries(ids).flatMap(([name, id]): [string, GgufValue][] =>
      id === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, { type: "uint32", value: id }]],
    ),
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: beginsWithBos }],
    ...(typeof template === "string"
      ? ([["tokenizer.chat_template", text(template)]] as [string, GgufValue][])
      : []),
  ];
}

/** The name of a byte-level tokenizer's splitting, by what tokenizer.json holds. */
function preTokenizerName(tokenizer: Json, refuse: (why: string) => never): string {
  const same = (a: unknown, b: unknown) => JSON.stringify(splits(a)) === JSON.stringify(splits(b));
  const found = Object.entries(PRE_TOKENIZERS).find(
    ([, { preTokenizer, normalizer }]) =>
      same(preTokenizer, tokenizer["pre_tokenizer"]) &&
      JSON.stringify(normalizer ?? null) === JSON.stringify(tokenizer["normalizer"] ?? null),
  );
  const names = Object.keys(PRE_TOKENIZERS).join(", ");
  return (
    found?.[0] ?? refuse(`its normalizer and pre_tokenizer are not those of a name that is known (${names})`)
  );
}

/** What of a pre-tokenizer decides where a text is split: fields in one order, those left out that change offsets only. */
function splits(step: unknown): unknown {
  if (Array.isArray(step)) return step.map(splits);
  if (typeof step !== "object" || step === null) return step;
  const fields = Object.entries(step).filter(([name]) => name !== "trim_offsets");
  return Object.fromEntries(
    fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, splits(value)]),
  );
}

/** Scores in the order of merges: what is merged first has the best. */
function scoresOf(tokens: readonly string[], merges: readonly string[]): number[] {
  const first = new Map<string, number>();
  merges.forEach((merge, rank) => {
    const piece = merge.replace(" ", "");
    if (!first.has(piece)) first.set(piece, rank);
  });
  return tokens.map((token) => {
    const rank = first.get(token);
    return rank === undefined ? LEAST_SCORE : -rank;
  });
}

/** Whether a normalizer puts a space before a text. */
function hasPrefix(tokenizer: Json): boolean {
  return JSON.stringify([tokenizer["normalizer"], tokenizer["pre_tokenizer"]]).includes('"Prepend"');
}
