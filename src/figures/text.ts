/**
 * Plain text as Plotly's text: its tags, links, entities and `$…$` mathematics are shown as they are written, and line
 * breaks are kept. Every text that a figure shows goes through here, so that none of it becomes markup. Characters that
 * XML, and so an SVG, cannot have become U+FFFD.
 */
export function plain(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>$]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\r\n?|\n/g, "<br>");
}

/** Breaks text between words into lines of at most `characters`; a longer word has a line of its own. */
export function wrap(text: string, characters: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(/\s+/).filter(Boolean)) {
      const line = lines.at(-1)!;
      if (line === "") lines[lines.length - 1] = word;
      else if (line.length + 1 + word.length <= characters) lines[lines.length - 1] = `${line} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}
