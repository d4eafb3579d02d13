type Json = Readonly<Record<string, unknown>>;

/** The words of GPT-2, which a pre-tokenizer `ByteLevel` splits by itself. */
const BYTE_LEVEL_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * A tokenizer.json with which @huggingface/transformers (tokenizers.js 0.2) gives the ids of Hugging Face tokenizers, the
 * library that models are trained with. Three things differ:
 *
 * - `Digits` there are all numeric characters (½, ², Ⅷ), here 0 to 9 only: a `Split` says the same exactly;
 * - the words of `ByteLevel` are there split at Unicode's white space, here at JavaScript's, which has U+FEFF and lacks U+0085:
 *   a `Split` again;
 * - a byte without a symbol in the vocabulary is left out there before its neighbours are merged, here after.
 */
export function exactForTransformersJs(tokenizer: Json): Json {
  const preTokenizer = tokenizer["pre_tokenizer"] as Json | null | undefined;
  if (!preTokenizer) return tokenizer;
  const steps = [exactStep(preTokenizer), ...withoutBytes(missingBytes(tokenizer))];
  return { ...tokenizer, pre_tokenizer: steps.length === 1 ? steps[0] : sequence(steps) };
}

const sequence = (pretokenizers: readonly Json[]) => ({ type: "Sequence", pretokenizers });

const split = (regex: string) => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Isolated",
  invert: false,
});

function exactStep(step: Json): Json {
  switch (step["type"]) {
    case "Sequence":
      return { ...step, pretokenizers: (step["pretokenizers"] as Json[]).map(exactStep) };
    case "Digits":
      return split(step["individual_digits"] ? "\\p{N}" : "\\p{N}+");
    case "ByteLevel":
      if (step["use_regex"] === false || step["add_prefix_space"] === true) return step;
      return sequence([split(BYTE_LEVEL_WORDS), { ...step, use_regex: false }]);
    default:
      return step;
  }
}

function hasByteLevel(step: Json): boolean {
  if (step["type"] === "Sequence") return (step["pretokenizers"] as Json[]).some(hasByteLevel);
  return step["type"] === "ByteLevel";
}

/** The bytes for which a byte-level BPE vocabulary has no symbol, and which it therefore leaves out. */
export function missingBytes(tokenizer: Json): number[] {
  const preTokenizer = tokenizer["pre_tokenizer"] as Json | null | undefined;
  const { type, unk_token, byte_fallback, vocab } = tokenizer["model"] as Json;
  if (type !== "BPE" || (unk_token ?? null) !== null || byte_fallback === true) return [];
  if (!preTokenizer || !hasByteLevel(preTokenizer)) return [];
  return BYTE_SYMBOLS.flatMap((symbol, byte) => (Object.hasOwn(vocab as object, symbol) ? [] : [byte]));
}

/** A step that leaves these bytes out. */
function withoutBytes(bytes: readonly number[]): Json[] {
  if (bytes.length === 0) return [];
  const codes = bytes.map((byte) => `\\u{${BYTE_SYMBOLS[byte]!.codePointAt(0)!.toString(16)}}`);
  return [{ type: "Replace", pattern: { Regex: `[${codes.join("")}]` }, content: "" }];
}

/** The symbol of each byte: itself where it is printable, else one from U+0100 on. */
const BYTE_SYMBOLS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
})();
