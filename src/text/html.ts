/** `& < > " '` as character references, so that `text` is shown as it is in HTML text and attribute values. */

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
