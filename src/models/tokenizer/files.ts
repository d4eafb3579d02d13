/** tokenizer.json and tokenizer_config.json in memory, of a model whose file brings its tokenizer in another form. */
export interface TokenizerFiles {
  /** The file that it was made from. */
  readonly source: string;
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** What a token is, beside its text. */
export type TokenKind = "normal" | "unknown" | "control" | "user" | "byte" | "unused";

/** A token of a SentencePiece vocabulary. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: TokenKind;
}

/** An entry of `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** tokenizer.json of its parts. */
export function tokenizerFile(
  added: readonly AddedToken[],
  parts: {
    normalizer?: object;
    preTokenizer?: object;
    postProcessor?: object;
    decoder: object;
    model: object;
  },
): Record<string, unknown> {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map(({ id, content, special }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    })),
    normalizer: parts.normalizer ?? null,
    pre_tokenizer: parts.preTokenizer ?? null,
    post_processor: parts.postProcessor ?? null,
    decoder: parts.decoder,
    model: parts.model,
  };
}

/** A post-processor that puts a token before a text. */
export function beginWith(token: string, id: number): object {
  const begin = { SpecialToken: { id: token, type_id: 0 } };
  const sequence = (name: string, type_id: number) => ({ Sequence: { id: name, type_id } });
  return {
    type: "TemplateProcessing",
    single: [begin, sequence("A", 0)],
    pair: [begin, sequence("A", 0), { SpecialToken: { id: token, type_id: 1 } }, sequence("B", 1)],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/**
 * The tokenizer.json of a SentencePiece vocabulary of kind BPE (Llama 2's, llama2.c's). SentencePiece joins the two neighbours
 * whose piece has the best score; here every way to write a piece as two others becomes a merge, in order of its score, as
 * transformers converts such vocabularies. Bytes stand in for characters without a piece.
 *
 * @param options.prefix whether a text gets a space before it
 * @param options.begin a token before a text
 */
export function sentencePieceFile(
  pieces: readonly Piece[],
  { prefix, begin }: { prefix: boolean; begin?: number },
): Record<string, unknown> {
  const ids = new Map<string, number>();
  pieces.forEach(({ text }, id) => {
    if (!ids.has(text)) ids.set(text, id);
  });
  const added = pieces.flatMap(({ text, kind }, id) =>
    kind === "control" || kind === "unknown" || kind === "user"
      ? [{ id, content: text, special: kind !== "user" }]
      : [],
  );
  const unknown = pieces.find(({ kind }) => kind === "unknown")?.text ?? null;
  const space = { String: " " };
  const replace = { type: "Replace", pattern: space, content: "▁" };
  return tokenizerFile(added, {
    normalizer: prefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replace] }
      : replace,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    ...(begin !== undefined && { postProcessor: beginWith(pieces[begin]!.text, begin) }),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(pieces, ids),
    },
  });
}

/** The merges of a vocabulary: best score first, and those of one score by the lengths of their parts, the longest first. */
function mergesOf(pieces: readonly Piece[], ids: ReadonlyMap<string, number>): string[] {
  const merges: { left: string; right: string; score: number; order: readonly number[] }[] = [];
  const joins = (text: string) => {
    const id = ids.get(text);
    return id !== undefined && pieces[id]!.kind === "normal" ? id : undefined;
  };
  for (const { text, score, kind } of pieces) {
    if (kind !== "normal") continue;
    const characters = [...text];
    for (let at = 1; at < characters.length; at++) {
      const [left, right] = [characters.slice(0, at).join(""), characters.slice(at).join("")];
      const [a, b] = [joins(left), joins(right)];
      if (a === undefined || b === undefined) continue;
      merges.push({ left, right, score, order: [at, characters.length - at, -a, -b] });
    }
  }
  merges.sort((x, y) => y.score - x.score || firstDifference(y.order, x.order));
  return merges.map(({ left, right }) => `${left} ${right}`);
}

function firstDifference(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
