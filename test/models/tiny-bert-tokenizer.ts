import { join } from "node:path";
import { writeJson } from "../../src/io/files";

/**
 * Writes a tokenizer in BERT's form into a folder: a token a word.
 *
 * @param vocabulary the first four are [PAD], [CLS], [SEP] and [UNK]
 */
export function writeTinyBertTokenizer(folder: string, vocabulary: readonly string[]): void {
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  writeJson(join(folder, "tokenizer.json"), {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: vocabulary.slice(0, 4).map((content, id) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    })),
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), text("A"), special("[SEP]")],
      pair: [special("[CLS]"), text("A"), special("[SEP]"), text("B"), special("[SEP]")],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((token) => [
          token,
          { id: token, ids: [vocabulary.indexOf(token)], tokens: [token] },
        ]),
      ),
    },
    decoder: null,
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])) }, // prettier-ignore
  });
  writeJson(join(folder, "tokenizer_config.json"), {
    tokenizer_class: "BertTokenizer",
    pad_token: "[PAD]",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    unk_token: "[UNK]",
    model_max_length: 64,
  });
}
