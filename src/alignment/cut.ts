import type { SelectionRow } from "../corpus";
import { simpleTokens } from "../text";

/** A character of a script that is written without spaces between words, with its marks. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*/gu;

/** Text with blanks around each character of a script without spaces, so that whatever cuts at blanks cuts there, too. */
export const spaced = (text: string): string => text.replace(unspaced, " $& ").replace(/ {2,}/g, " ").trim();

/** The tokens that scores count: {@link simpleTokens}, and of scripts without spaces characters. */
export const scoredTokens = (text: string): string[] => simpleTokens(spaced(text));

/** Whether most of what texts say is in scripts without spaces. */
export function isUnspaced(texts: readonly string[]): boolean {
  const count = (pattern: RegExp) => texts.reduce((sum, text) => sum + (text.match(pattern)?.length ?? 0), 0);
  return 2 * count(unspaced) > count(/[\p{L}\p{N}]\p{M}*/gu);
}

/** How the scores of rows cut texts, for a table's caption. */
export const howCut = (rows: readonly Pick<SelectionRow, "response">[]): string =>
  isUnspaced(rows.map(({ response }) => response))
    ? "cut into characters, as the texts are in a script without spaces"
    : "cut into words";
