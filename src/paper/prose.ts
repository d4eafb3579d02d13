import type { Inline, Text } from "./document";

/** What {@link proseWith} takes: a piece of text, or several. */
export type Piece = Inline | Text;

/**
 * A tag for template literals that are running text with pieces put in. The literal itself may hold no digit, but for those
 * in a study's names (`BM25`): a number in a paper is a value of a file, never something written in its prose.
 *
 * @param names words that have a digit and are no numbers; they count where they stand as whole words
 * @throws {Error} that quotes the text with the digit, or the name without a letter
 * @example
 * const prose = proseWith("BM25");
 * prose`What BM25 finds reaches ${score} in ROUGE-L ${cite("lin2004")}.`;
 */
export function proseWith(
  ...names: readonly string[]
): (strings: TemplateStringsArray, ...pieces: readonly Piece[]) => Text {
  for (const name of names) {
    if (!/\p{L}/u.test(name)) throw new Error(`${JSON.stringify(name)} is no name: it has no letter`);
  }
  const longestFirst = [...names].sort((a, b) => b.length - a.length).map(wholeWord);
  const withoutNames = (text: string) => longestFirst.reduce((rest, name) => rest.replace(name, ""), text);
  return (strings, ...pieces) => {
    const text: Inline[] = [];
    strings.forEach((string, i) => {
      if (/\p{Nd}/u.test(withoutNames(string))) {
        throw new Error(
          `a paper's prose must take its numbers from files, but has a digit: ${JSON.stringify(string)}`,
        );
      }
      const plain = string.replace(/\s+/g, " ").replaceAll("'", "’");
      if (plain !== "") text.push(plain);
      const piece = pieces[i];
      if (piece !== undefined) text.push(...asText(piece));
    });
    return text;
  };
}

function wholeWord(name: string): RegExp {
  const literal = name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, "gu");
}

const asText = (piece: Piece): Text => (Array.isArray(piece) ? (piece as Text) : [piece as Inline]);

/** Texts in a row: "a", "a and b", "a, b, and c". */
export function enumerate(texts: readonly Piece[]): Text {
  return texts.flatMap((text, i): Inline[] => {
    const last = i === texts.length - 1;
    const before = i === 0 ? [] : [texts.length === 2 ? " and " : last ? ", and " : ", "];
    return [...before, ...asText(text)];
  });
}
