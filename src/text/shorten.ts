const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Cuts text to `characters` at most, an ellipsis included. A character is what a reader takes for one (a grapheme): no accent
 * and no part of an emoji is cut from its letter.
 */
export function shorten(text: string, characters: number): string {
  let count = 0;
  let end = 0; // of the characters that fit with the ellipsis
  for (const { index, segment } of graphemes.segment(text)) {
    if (++count > characters) return `${text.slice(0, end)}…`;
    if (count < characters) end = index + segment.length;
  }
  return text;
}

/** The last place up to `end` where `text` can be cut without cutting a character's two halves apart. */
export function cutPlace(text: string, end: number): number {
  const [before, after] = [text.charCodeAt(end - 1), text.charCodeAt(end)];
  return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000 ? end - 1 : end;
}
