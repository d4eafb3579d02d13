import type { Block, Inline, PaperDocument, PaperFigure, Table, Text } from "./document";
import { figureFile, numberDocument } from "./numbering";
import { authorName, findWork, isGroup, type Work } from "./works";

/** What LaTeX reads as commands, as text; and characters that its fonts have under another name. */
const replacements: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  "#": "\\#",
  $: "\\$",
  "%": "\\%",
  "&": "\\&",
  _: "\\_",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
  "'": "\\textquotesingle{}",
  "`": "\\textasciigrave{}",
  "-": "-{}", // never part of a dash
  "[": "{[}", // never an optional argument
  "]": "{]}",
  "!": "!{}", // not !` and ?`, which are ligatures
  "?": "?{}",
  ",": ",{}",
  "\u00a0": "~",
  "\u202f": "\\,",
  "–": "\\textendash{}",
  "—": "\\textemdash{}",
  "‘": "\\textquoteleft{}",
  "’": "\\textquoteright{}",
  "“": "\\textquotedblleft{}",
  "”": "\\textquotedblright{}",
  "…": "\\ldots{}",
  "•": "\\textbullet{}",
  "−": "\\ensuremath{-}",
  "×": "\\ensuremath{\\times}",
  "·": "\\ensuremath{\\cdot}",
  "≤": "\\ensuremath{\\leq}",
  "≥": "\\ensuremath{\\geq}",
  "±": "\\ensuremath{\\pm}",
  "→": "\\ensuremath{\\rightarrow}",
  α: "\\ensuremath{\\alpha}",
  "†": "\\textdagger{}",
  "€": "\\texteuro{}",
};

/**
 * Text as LaTeX (pdfLaTeX, T1 fonts) that prints it as it is. White space becomes one space, unless it may not be
 * broken; a character that the fonts do not have is written as `[U+1F415]`.
 */
export function escapeLatex(text: string): string {
  let latex = "";
  for (const character of text.replace(/[^\S\u00a0\u202f]+/g, " ")) {
    if (Object.hasOwn(replacements, character)) latex += replacements[character];
    else if (/[ -~]/.test(character) || inT1(character)) latex += character;
    else latex += `{[}U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}{]}`;
  }
  return latex;
}

/** Letters that T1-encoded fonts have and inputenc's utf8 knows: Latin-1, and those of Latin Extended-A in use. */
function inT1(character: string): boolean {
  return /^[À-ÖØ-öø-ÿĂăĄąĆćČčĎďĐĘęĚěĞğĹĺĽľŁłŃńŇňŐőŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽžŒœ¡£§«»¿]$/u.test(character);
}

/**
 * The paper as LaTeX source for IEEEtran's conference class; beside it belong its references ({@link renderBibtex}) as
 * `references.bib` and its pictures as {@link figureFile} names them.
 *
 * @throws {Error} as {@link numberDocument}
 */
export function renderLatex(document: PaperDocument): string {
  numberDocument(document);
  const { title, authors, abstract, keywords, blocks } = document;
  return `\\documentclass[conference]{IEEEtran}
\\usepackage[T1]{fontenc}
\\usepackage[utf8]{inputenc}
\\usepackage{textcomp}
\\usepackage{amsmath,amssymb}
\\usepackage{array}
\\usepackage{booktabs}
\\usepackage{cite}
\\usepackage{graphicx}
\\usepackage{url}
\\usepackage[hidelinks]{hyperref}
\\begin{document}
\\title{${escapeLatex(title)}}
\\author{${authors.map((author) => `\\IEEEauthorblockN{${escapeLatex(author)}}`).join(" \\and ")}}
\\maketitle
\\begin{abstract}
${renderText(abstract)}
\\end{abstract}
\\begin{IEEEkeywords}
${escapeLatex(keywords.join(", "))}
\\end{IEEEkeywords}

${blocks.map(renderBlock).join("\n\n")}

\\bibliographystyle{IEEEtran}
\\bibliography{references}
\\end{document}
`;
}

function renderText(text: Text): string {
  return text.map(renderInline).join("").trim();
}

function renderInline(piece: Inline): string {
  if (typeof piece === "string") return escapeLatex(piece);
  switch (piece.type) {
    case "data":
      return escapeLatex(piece.text);
    case "code":
      return `\\texttt{${[...piece.text].map(breakable).join("")}}`;
    case "emphasis":
      return `\\emph{${escapeLatex(piece.text)}}`;
    case "value": {
      const printed = escapeLatex(piece.value.printed);
      return "missing" in piece.value ? `\\textbf{${printed}}` : printed;
    }
    case "math":
      return `$${piece.latex}$`;
    case "citation":
      return `\\cite{${piece.keys.join(",")}}`;
    case "reference":
      return `\\ref{${piece.label}}`;
  }
}

/** A character of code, behind which a line may end if it separates the parts of a path or a name. */
function breakable(character: string): string {
  return escapeLatex(character) + (/[/_.:=-]/.test(character) ? "\\allowbreak{}" : "");
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case "section": {
      const label = block.label ? `\\label{${block.label}}` : "";
      return `\\${block.level === 1 ? "section" : "subsection"}{${escapeLatex(block.title)}}${label}`;
    }
    case "paragraph":
      return (block.continued ? "\\noindent " : "") + renderText(block.text);
    case "listing":
      return `\\begin{flushleft}\n\\footnotesize\\texttt{${[...block.text].map(breakable).join("")}}\n\\end{flushleft}`;
    case "list": {
      const items = block.items.map((item) => `\\item ${renderText(item)}`);
      return `\\begin{itemize}\n${items.join("\n")}\n\\end{itemize}`;
    }
    case "equation":
      return `\\begin{equation}\n${block.latex}\\label{${block.label}}\n\\end{equation}`;
    case "table":
      return renderTable(block);
    case "figure":
      return renderFigure(block);
  }
}

function renderTable({ label, caption, columns, groups, wide, note }: Table): string {
  const width = wide ? "\\textwidth" : "\\columnwidth";
  const specification = columns.map((column) => {
    if (column.width === undefined) return column.align === "right" ? "r" : "l";
    return `>{\\raggedright\\arraybackslash}p{${(0.94 * column.width).toFixed(3)}${width}}`;
  });
  const row = (cells: readonly Text[]) => `${cells.map(renderText).join(" & ")} \\\\`;
  const head = `${columns.map(({ title }) => `\\textbf{${renderText(title)}}`).join(" & ")} \\\\`;
  const body = groups.map((rows) => rows.map(row).join("\n")).join("\n\\midrule\n");
  const environment = wide ? "table*" : "table";
  const below = note ? `\n\\par\\smallskip\\parbox{${width}}{\\scriptsize ${renderText(note)}}` : "";
  return `\\begin{${environment}}[!t]
\\caption{${renderText(caption)}}
\\label{${label}}
\\centering
\\scriptsize
\\setlength{\\tabcolsep}{3pt}
\\begin{tabular}{@{}${specification.join("")}@{}}
\\toprule
${head}
\\midrule
${body}
\\bottomrule
\\end{tabular}${below}
\\end{${environment}}`;
}

function renderFigure({ label, caption, picture, wide }: PaperFigure): string {
  const width = wide ? "\\textwidth" : "\\columnwidth";
  const content =
    "missing" in picture
      ? `\\fbox{\\parbox{0.9${width}}{\\textbf{missing}: ${escapeLatex(picture.missing)}}}`
      : `\\includegraphics[width=${width}]{${figureFile(label)}}`;
  const environment = wide ? "figure*" : "figure";
  return `\\begin{${environment}}[!t]
\\centering
${content}
\\caption{${renderText(caption)}}
\\label{${label}}
\\end{${environment}}`;
}

/** The cited works as BibTeX. */
export function renderBibtex(document: PaperDocument): string {
  return numberDocument(document)
    .citations.map((key) => bibtexEntry(key, findWork(document.works, key)))
    .join("\n");
}

function bibtexEntry(key: string, work: Work): string {
  const { container, arxiv } = work;
  const authors = work.authors.map((author) => {
    if (author === "others") return author;
    if (isGroup(author)) return `{${bibtexText(author)}}`;
    const { first, last, suffix } = authorName(author);
    const parts = [last, ...suffix, ...(first.length > 0 ? [first.join(" ")] : [])];
    return parts.map(bibtexText).join(", ");
  });
  const fields: [string, string | undefined][] = [
    ["author", authors.join(" and ")],
    ["title", `{${bibtexText(work.title)}}`],
    [work.type === "article" ? "journal" : "booktitle", container && bibtexText(container)],
    ["volume", work.volume && bibtexText(work.volume)],
    ["number", work.number && bibtexText(work.number)],
    ["pages", work.pages && bibtexText(work.pages.replaceAll("–", "--"))],
    ["publisher", work.publisher && bibtexText(work.publisher)],
    ["howpublished", arxiv && `arXiv:${arxiv}`],
    ["url", work.url],
    ["year", String(work.year)],
  ];
  const lines = fields.flatMap(([name, value]) => (value ? [`  ${name} = {${value}},`] : []));
  return `@${work.type}{${key},\n${lines.join("\n")}\n}\n`;
}

/** Combining accents, and the commands that put them on a letter. */
const accents: Readonly<Record<string, string>> = {
  "\u0300": "\\`",
  "\u0301": "\\'",
  "\u0302": "\\^",
  "\u0303": "\\~",
  "\u0304": "\\=",
  "\u0306": "\\u ",
  "\u0307": "\\.",
  "\u0308": '\\"',
  "\u030a": "\\r ",
  "\u030b": "\\H ",
  "\u030c": "\\v ",
  "\u0323": "\\d ",
  "\u0327": "\\c ",
  "\u0328": "\\k ",
  "\u0331": "\\b ",
};

/** What is a command in BibTeX, and the braces, which it counts even behind a backslash. */
const bibtexCommands: Readonly<Record<string, string>> = {
  Ł: "\\L",
  ł: "\\l",
  Ø: "\\O",
  ø: "\\o",
  Æ: "\\AE",
  æ: "\\ae",
  Œ: "\\OE",
  œ: "\\oe",
  ß: "\\ss",
  "{": "\\textbraceleft",
  "}": "\\textbraceright",
};

/**
 * Text that BibTeX prints as it is. Letters with accents are written `{\"u}`: it takes bytes for letters where it
 * abbreviates a name.
 */
function bibtexText(text: string): string {
  return Array.from(text.normalize("NFD").matchAll(/\p{L}\p{M}*|./gsu), ([piece]) => {
    const [letter, ...marks] = piece;
    if (marks.length > 0 && marks.every((mark) => Object.hasOwn(accents, mark)))
      return marks.reduce((inner, mark) => `{${accents[mark]}${inner}}`, letter!);
    if (Object.hasOwn(bibtexCommands, piece)) return `{${bibtexCommands[piece]}}`;
    return /^[A-Za-z0-9 ,.:;()[\]!?'`/+=*@-]$/.test(piece) ? piece : escapeLatex(piece.normalize("NFC"));
  }).join("");
}
