/**
 * `text` as one line that Markdown shows as it is, in a paragraph or a cell of a table: white space becomes single spaces, every
 * sign that could mean something a character reference.
 */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
    .trim()
    .replace(/[^\p{L}\p{M}\p{N} .,;()/%'-]/gu, (sign) => `&#${sign.codePointAt(0)};`);
}
