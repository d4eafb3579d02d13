/** A small paper that shows any text, and the works that the tests cite. */
import fc from "fast-check";
import { data, type PaperDocument, paragraph, section } from "../../src/paper/document";
import type { Work } from "../../src/paper/works";

export const hostile = `<img src=x onerror="alert(1)"> & \\input{/etc/passwd} $x_1^2$ 100% #1 {~} “Zoë” Łódź 🐕 日本 \u0000 -- ?\` ,,`;

/** Works of every type, by authors with every form of name. */
export const works = {
  noether1918: {
    type: "article",
    authors: ["Emmy Noether"],
    title: "Invariante Variationsprobleme",
    container: "Nachrichten von der Gesellschaft der Wissenschaften zu Göttingen",
    pages: "235–257",
    year: 1918,
  },
  maaten2008: {
    type: "article",
    authors: ["Laurens van der Maaten", "Geoffrey E. Hinton"],
    title: "Visualizing Data Using t-SNE",
    container: "Journal of Machine Learning Research",
    volume: "9",
    pages: "2579–2605",
    year: 2008,
  },
  steele1990: {
    type: "book",
    authors: ["Steele, Jr., Guy L."],
    title: "Common Lisp: The Language",
    publisher: "Digital Press",
    year: 1990,
  },
  gardeners2024: {
    type: "misc",
    authors: ["Seed & Soil developers", "Jean-Luc Øster", "Štefan Łoś", "others"],
    title: "Beans_and #Lamps: 100 % {light} of 日本",
    year: 2024,
    url: "https://example.org/a_b",
  },
} as const satisfies Readonly<Record<string, Work>>;

export const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...`\\{}#$%&_~^<>|"'\`-[]!?,/ \u00a0\nöŁ–’🐕a1`), maxLength: 60 }),
);

/** A paper that shows a text in every place where data can stand. */
export function documentWith(text: string): PaperDocument {
  return {
    title: text,
    authors: [text],
    abstract: ["About ", data(text), "."],
    keywords: [text],
    blocks: [
      section(text, "sec:one"),
      paragraph([data(text), { type: "code", text }, { type: "emphasis", text }, text]),
      { type: "listing", text },
      { type: "list", items: [[data(text)]] },
      {
        type: "table",
        label: "tab:one",
        caption: [data(text)],
        columns: [
          { title: [data(text)], align: "left", width: 0.5 },
          { title: ["b"], align: "right" },
        ],
        groups: [[[[data(text)], [{ type: "value", value: { printed: "missing", missing: text } }]]]],
        wide: false,
        note: [data(text)],
      },
      {
        type: "figure",
        label: "fig:one",
        caption: [data(text)],
        alternative: text,
        wide: true,
        picture: { missing: text },
      },
    ],
    works,
  };
}
