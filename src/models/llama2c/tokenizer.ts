import { OpenFile } from "../../tensors";
import { type Piece, sentencePieceFile, type TokenizerFiles } from "../tokenizer";

/** Tokens of every such vocabulary: unknown, beginning and end, and from 3 on the 256 bytes. */
const BOS = 1;
const EOS = 2;
const BYTES = 3;

/** No token of a vocabulary is longer. */
const MAX_PIECE_BYTES = 1024;

/**
 * A tokenizer.bin of llama2.c: int32 length of the longest token, then of each token its float32 score, its int32 length and
 * its bytes. It does not say how many tokens it has; the model does. A space goes before every text.
 */
export function readLlama2cTokenizer(path: string, vocabularySize: number): TokenizerFiles {
  const file = new OpenFile(path);
  try {
    const refuse = (why: string): never => {
      throw new Error(`${path}: not a llama2.c tokenizer of ${vocabularySize} tokens: ${why}`);
    };
    if (vocabularySize < BYTES + 256) refuse(`a vocabulary with bytes has at least ${BYTES + 256}`);
    if (file.size > vocabularySize * (8 + MAX_PIECE_BYTES) + 4)
      refuse(`it has ${file.size} bytes, which are too many for so many tokens`);
    const bytes = Buffer.from(file.read(0, file.size));
    const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const pieces: Piece[] = [];
    let at = 4;
    for (let id = 0; id < vocabularySize; id++) {
      if (at + 8 > bytes.length) refuse(`it ends in token ${id}`);
      const score = bytes.readFloatLE(at);
      const length = bytes.readInt32LE(at + 4);
      at += 8;
      if (length < 0 || at + length > bytes.length)
        refuse(`token ${id} has ${length} bytes, which it does not hold`);
      if (Number.isNaN(score)) refuse(`token ${id} has no score`);
      let text: string;
      try {
        text = utf8.decode(bytes.subarray(at, at + length));
      } catch {
        return refuse(`token ${id} is not UTF-8`);
      }
      at += length;
      pieces.push(pieceOf(id, text, score));
    }
    if (at !== bytes.length) refuse(`it goes on for ${bytes.length - at} bytes after the last token`);
    return {
      source: path,
      tokenizer: sentencePieceFile(pieces, { prefix: true, begin: BOS }),
      config: {
        tokenizer_class: "LlamaTokenizer",
        clean_up_tokenization_spaces: false,
        bos_token: "<s>",
        eos_token: "</s>",
        unk_token: "<unk>",
      },
    };
  } finally {
    file.close();
  }
}

function pieceOf(id: number, text: string, score: number): Piece {
  if (id === 0) return { text: "<unk>", score, kind: "unknown" };
  if (id === BOS || id === EOS) return { text: id === BOS ? "<s>" : "</s>", score, kind: "control" };
  return { text: text.replaceAll(" ", "▁"), score, kind: id < BYTES + 256 ? "byte" : "normal" };
}
