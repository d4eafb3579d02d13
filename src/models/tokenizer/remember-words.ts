/** What is asked of the inside of a @huggingface/transformers tokenizer. */
interface WordModel {
  tokenize?(word: string): string[];
}

/** Words that are kept at most; then all are forgotten, and those in use are soon back. */
const MOST_WORDS = 1 << 16;

/**
 * Has a tokenizer of @huggingface/transformers search the best pieces of a word once: its Unigram model (T5, and the models of this
 * project) builds a lattice of each word again, while the words of a text are mostly those of texts before. Its BPE remembers by
 * itself. What a word gives depends on nothing but the word, so that all ids stay what they are.
 */
export function rememberWords(pretrained: object): void {
  const { model } = (pretrained as { _tokenizer?: { model?: WordModel } })._tokenizer ?? {};
  if (typeof model?.tokenize !== "function") return;
  const search = model.tokenize.bind(model);
  const known = new Map<string, string[]>();
  model.tokenize = (word) => {
    let pieces = known.get(word);
    if (pieces === undefined) {
      pieces = search(word);
      if (known.size === MOST_WORDS) known.clear();
      known.set(word, pieces);
    }
    return pieces;
  };
}
