import { findWork, isGroup, type Work } from "./bibliography";
import {
  type Block,
  type Inline,
  numberDocument,
  type ReportDocument,
  type ReportFigure,
  type Table,
  type Text,
} from "./document";

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

/** The report as LaTeX source for IEEEtran's conference class; its references are in `references.bib` beside it. */
export function renderLatex(document: ReportDocument): string {
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

function renderFigure({ label, caption, picture, wide }: ReportFigure): string {
  const width = wide ? "\\textwidth" : "\\columnwidth";
  const content =
    "missing" in picture
      ? `\\fbox{\\parbox{0.9${width}}{\\textbf{missing}: ${escapeLatex(picture.missing)}}}`
      : `\\includegraphics[width=${width}]{figures/${label.replace("fig:", "")}.pdf}`;
  const environment = wide ? "figure*" : "figure";
  return `\\begin{${environment}}[!t]
\\centering
${content}
\\caption{${renderText(caption)}}
\\label{${label}}
\\end{${environment}}`;
}

/** The cited works as BibTeX. */
export function renderBibtex(document: ReportDocument): string {
  return numberDocument(document)
    .citations.map((key) => bibtexEntry(key, findWork(key)))
    .join("\n");
}

function bibtexEntry(key: string, work: Work): string {
  const { container, arxiv } = work;
  const authors = work.authors.map((author) => {
    if (author === "others") return author;
    if (isGroup(author)) return `{${author}}`;
    const at = author.lastIndexOf(" ");
    return `${author.slice(at + 1)}, ${author.slice(0, at)}`;
  });
  const fields: [string, string | undefined][] = [
    ["author", authors.map(bibtexText).join(" and ")],
    ["title", `{${bibtexText(work.title)}}`],
    [work.type === "article" ? "journal" : "booktitle", container && bibtexText(container)],
    ["volume", work.volume],
    ["number", work.number],
    ["pages", work.pages?.replaceAll("–", "--")],
    ["publisher", work.publisher],
    ["howpublished", arxiv && `arXiv:${arxiv}`],
    ["url", work.url],
    ["year", String(work.year)],
  ];
  const lines = fields.flatMap(([name, value]) => (value ? [`  ${name} = {${value}},`] : []));
  return `@${work.type}{${key},\n${lines.join("\n")}\n}\n`;
}

const accents: Readonly<Record<string, string>> = {
  "\u0300": "\\`",
  "\u0301": "\\'",
  "\u0302": "\\^",
  "\u0308": '\\"',
};

/** Letters with accents as `{\"u}`: BibTeX takes bytes for letters where it abbreviates a name. */
function bibtexText(text: string): string {
  return text
    .normalize("NFD")
    .replace(
      /(\p{L})([\u0300-\u0302\u0308])/gu,
      (_, letter: string, accent: string) => `{${accents[accent]}${letter}}`,
    )
    .replaceAll("Ł", "{\\L}")
    .replaceAll("&", "\\&");
}
