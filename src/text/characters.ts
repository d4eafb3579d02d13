/*
 * Character classes as Python's `str` and `re` define them, so that tokenisers built here agree with the Python
 * libraries they follow. JavaScript's own differ: its \s takes U+FEFF and leaves out U+001C–U+001F and U+0085, its \w
 * knows ASCII only. Lower-casing needs nothing: both languages follow Unicode's full mapping (final sigma included).
 */

/** One of Python's white-space characters, as the inside of a character class. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const spaceRun = new RegExp(`[${SPACE}]+`, "u");
const spacesFromTwo = new RegExp(`[${SPACE}]{2,}`, "gu");
const spaceAtEnd = new RegExp(`[${SPACE}]+$`, "u");
const wordsFromTwo = /[\p{L}\p{N}_]{2,}/gu;

/** Splits at runs of white space, without empty pieces: Python's `text.split()`. */
export function splitAtSpace(text: string): string[] {
  return text.split(spaceRun).filter((piece) => piece !== "");
}

/** Removes white space at the end: Python's `text.rstrip()`. */
export function trimEnd(text: string): string {
  return text.replace(spaceAtEnd, "");
}

/** Makes one blank of every run of two or more white-space characters; a single one stays what it is. */
export function foldSpace(text: string): string {
  return text.replace(spacesFromTwo, " ");
}

/** Runs of at least two word characters: the matches of Python's `(?u)\b\w\w+\b`, scikit-learn's token pattern. */
export function wordTokens(text: string): string[] {
  return text.match(wordsFromTwo) ?? [];
}

const simple =
  /[\p{L}\p{M}\p{N}]+|\p{Extended_Pictographic}(?:\p{M}|\p{Emoji_Modifier}|\u200d\p{Extended_Pictographic})*/gu;

/**
 * Simple tokens: the lower-cased text's runs of letters, marks and digits of any script, and each emoji (with its
 * modifiers and joined parts) by itself. On English text these are the runs of `[a-z0-9]+`; punctuation, apostrophes
 * and underscores separate. Scripts written without spaces give one token a run.
 */
export function simpleTokens(text: string): string[] {
  return text.toLowerCase().match(simple) ?? [];
}

/** The {@link simpleTokens} with their places: `text.slice(start, end)` is what the token was made of. */
export function simpleTokenSpans(text: string): { token: string; start: number; end: number }[] {
  return Array.from(text.matchAll(simple), (match) => {
    const start = match.index ?? 0;
    return { token: match[0].toLowerCase(), start, end: start + match[0].length };
  });
}
