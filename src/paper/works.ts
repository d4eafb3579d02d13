/**
 * A work that a paper cites. Authors are written `First M. Last`, particles in lower case (`Ludwig van Beethoven`), with
 * a suffix `Last, Suffix, First`. A group has a lower-case word at its end (`ONNX Runtime developers`), and `others` as the
 * last author is "et al.".
 */
export interface Work {
  type: "article" | "inproceedings" | "book" | "misc";
  authors: readonly string[];
  title: string;
  year: number;
  /** Journal or proceedings. */
  container?: string;
  volume?: string;
  number?: string;
  pages?: string;
  publisher?: string;
  /** arXiv number. */
  arxiv?: string;
  url?: string;
}

/** Works by the keys that citations have. */
export type Works = Readonly<Record<string, Work>>;

/** @throws {Error} if there is no such work */
export function findWork(works: Works, key: string): Work {
  const work = Object.hasOwn(works, key) ? works[key] : undefined;
  if (!work) throw new Error(`the bibliography has no "${key}"`);
  return work;
}

/** A reference in parts, as IEEE writes them; the container is set in italics. */
export function ieeeReference(work: Work): { before: string; italic: string; after: string } {
  const { title, container, volume, number, pages, publisher, arxiv, url, year } = work;
  const authors = work.authors.length === 0 ? "" : `${listAuthors(work.authors)}, `;
  const details = [volume && `vol. ${volume}`, number && `no. ${number}`, pages && `pp. ${pages}`];
  const where = [arxiv && `arXiv:${arxiv}`, ...details, String(year)].filter(Boolean).join(", ");
  const end = url ? `${where}. [Online]. Available: ${url}` : `${where}.`;
  if (work.type === "book")
    return { before: authors, italic: title, after: `. ${publisher ? `${publisher}, ` : ""}${end}` };
  const opening = `${authors}“${title},” `;
  if (!container) return { before: opening + end, italic: "", after: "" };
  const inside = work.type === "inproceedings" ? "in " : "";
  return { before: opening + inside, italic: container, after: `, ${end}` };
}

/** `E. J. Hu, Y. Shen, and P. Wallis`; "others" is et al.; names of groups stay whole. */
function listAuthors(authors: readonly string[]): string {
  if (authors.at(-1) === "others") return `${authors.slice(0, -1).map(abbreviate).join(", ")} et al.`;
  const names = authors.map(abbreviate);
  if (names.length < 3) return names.join(" and ");
  return `${names.slice(0, -1).join(", ")}, and ${names.at(-1)}`;
}

function abbreviate(author: string): string {
  if (isGroup(author)) return author;
  const { first, last, suffix } = authorName(author);
  const initials = first.map((name) =>
    name
      .split("-")
      .filter(Boolean)
      .map((part) => `${part[0]!.toUpperCase()}.`)
      .join("-"),
  );
  return [...initials, last, ...suffix].join(" ");
}

/** A person's names, particles with the last one. */
export function authorName(author: string): { first: string[]; last: string; suffix: string[] } {
  const words = (names: string) => names.split(/\s+/).filter(Boolean);
  const [last, ...rest] = author.split(/\s*,\s*/);
  if (rest.length > 0) return { first: words(rest.at(-1)!), last: last!, suffix: rest.slice(0, -1) };
  const all = words(author);
  const particle = all.findIndex((word, i) => i > 0 && /^\p{Ll}/u.test(word));
  const at = particle < 0 ? all.length - 1 : particle;
  return { first: all.slice(0, at), last: all.slice(at).join(" "), suffix: [] };
}

/** Whether an author is a group, by the lower-case word at the end: "ONNX Runtime developers". */
export function isGroup(author: string): boolean {
  return /^\p{Ll}/u.test(author.split(" ").at(-1)!);
}
