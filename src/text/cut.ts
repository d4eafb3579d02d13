/** A text's tokens as numbers and back, as a model's tokenizer has them. */

export interface TextTokenizer {
  encode(text: string): number[];
  decode(ids: number[]): string;
}
/**
 * The beginning of `text`: its first `count` tokens. A token is a word, that is a run of anything but white space, and
 * the white space between words stays as it is; with a tokenizer it is one of the tokenizer's.
 */

export function cutToTokens(text: string, count: number, tokenizer?: TextTokenizer): string {
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`count must be a whole number from 0, not ${count}`);
  if (tokenizer) return tokenizer.decode(tokenizer.encode(text).slice(0, count));
  const words = text.matchAll(/\S+/g);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const { value, done } = words.next();
    if (done) return text;
    end = (value.index ?? 0) + value[0].length;
  }
  return text.slice(0, end);
}
