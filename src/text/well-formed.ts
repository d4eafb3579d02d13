/**
 * JSON without halves of characters: a surrogate that has lost its other half becomes U+FFFD, in values and keys.
 * JavaScript's own JSON writes such a half as an escape, which other programs read and then cannot save.
 */
export function wellFormedJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  // In JSON only a lone surrogate is escaped as \ud…; all escapes are matched, so that the text \ud…, written \\ud…, is not taken for one.
  return json.includes("\\ud")
    ? json.replace(/\\(?:ud[89a-f]..|[^])/g, (escape) => (escape.length === 6 ? "\ufffd" : escape))
    : json;
}
