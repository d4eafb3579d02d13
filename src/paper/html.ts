import { createRequire } from "node:module";
import { escapeHtml } from "../text";
import type { Block, Inline, PaperDocument, PaperFigure, Table, Text } from "./document";
import { numberDocument, type Numbering } from "./numbering";
import { toPointer } from "./sources";
import { paperStyle } from "./style";
import { findWork, ieeeReference, type Works } from "./works";

// KaTeX declares its types in a way that the notebook kernel's compiler does not find.
interface Katex {
  renderToString(
    latex: string,
    options: { displayMode: boolean; output: "html"; throwOnError: true },
  ): string;
}
const katex = createRequire(__filename)("katex") as Katex;

/**
 * The paper as one HTML file that needs no other: fonts and pictures are in it, scripts are not allowed. Its text is
 * in one flow (`#flow`, a block each), which `layOutPages` puts on pages.
 *
 * @throws {Error} as {@link numberDocument}, and for mathematics that KaTeX does not know
 */
export function renderHtml(document: PaperDocument): string {
  const html = new HtmlWriter(numberDocument(document), document.works);
  const title = escapeHtml(document.title);
  const authors = document.authors.map((author) => `<p class="author">${escapeHtml(author)}</p>`).join("");
  const abstract = `<p class="abstract"><i>Abstract</i>—${html.text(document.abstract)}</p>`;
  const keywords = `<p class="abstract"><i>Index Terms</i>—${escapeHtml(document.keywords.join(", "))}.</p>`;
  const blocks = document.blocks.map((block) => html.block(block)).join("\n");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">
<title>${title}</title>
<style>${paperStyle()}</style>
</head>
<body>
<div id="flow">
<header class="wide"><h1>${words(document.title)}</h1>${authors}</header>
${abstract}
${keywords}
${blocks}
${html.references()}
</div>
</body>
</html>
`;
}

class HtmlWriter {
  private sections = 0;
  private values = 0;

  constructor(
    private readonly numbering: Numbering,
    private readonly works: Works,
  ) {}

  text(text: Text): string {
    return text.map((piece) => this.inline(piece)).join("");
  }

  block(block: Block): string {
    switch (block.type) {
      case "section": {
        const number = this.numbering.sections[this.sections++]!;
        const tag = block.level === 1 ? "h2" : "h3";
        const id = block.label ? ` id="${escapeHtml(block.label)}"` : "";
        return `<${tag}${id}>${number}. ${escapeHtml(block.title)}</${tag}>`;
      }
      case "paragraph":
        return `<p${block.continued ? ' class="continued"' : ""}>${this.text(block.text)}</p>`;
      case "listing":
        return `<div class="listing"><code>${escapeHtml(block.text)}</code></div>`;
      case "list":
        return block.items.map((item) => `<ul><li>${this.text(item)}</li></ul>`).join("\n");
      case "equation":
        return `<div class="equation" id="${block.label}">${tex(block.latex, true)}<span>(${this.number(block.label)})</span></div>`;
      case "table":
        return this.table(block);
      case "figure":
        return this.figure(block);
    }
  }

  references(): string {
    const items = this.numbering.citations.map((key, i) => {
      const { before, italic, after } = ieeeReference(findWork(this.works, key));
      const text = `${breakable(escapeHtml(before))}<i>${escapeHtml(italic)}</i>${breakable(escapeHtml(after))}`;
      return `<div class="work" id="cite-${key}"><span>[${i + 1}]</span><span>${text}</span></div>`;
    });
    return items.length === 0 ? "" : [`<h2>References</h2>`, ...items].join("\n");
  }

  private inline(piece: Inline): string {
    if (typeof piece === "string") return escapeHtml(piece);
    switch (piece.type) {
      case "data":
        return `<span class="data">${escapeHtml(piece.text)}</span>`;
      case "code":
        return `<code>${breakable(escapeHtml(piece.text))}</code>`;
      case "emphasis":
        return `<em>${escapeHtml(piece.text)}</em>`;
      case "value": {
        if ("missing" in piece.value) {
          return `<strong class="missing" title="${escapeHtml(piece.value.missing)}">${piece.value.printed}</strong>`;
        }
        const { printed, source } = piece.value;
        const from = escapeHtml(`${source.file}#${toPointer(source.path)}`);
        return `<span class="value" id="n${++this.values}" title="${from}">${escapeHtml(printed)}</span>`;
      }
      case "math":
        return tex(piece.latex, false);
      case "citation": {
        const links = piece.keys.map(
          (key) => `<a href="#cite-${key}">[${this.numbering.citations.indexOf(key) + 1}]</a>`,
        );
        return `<span class="reference">${links.join(", ")}</span>`;
      }
      case "reference":
        return `<a class="reference" href="#${escapeHtml(piece.label)}">${this.number(piece.label)}</a>`;
    }
  }

  private table({ label, caption, columns, groups, wide, note }: Table): string {
    const align = columns.map(({ align, width }) => {
      const share = width === undefined ? "white-space: nowrap" : `width: ${(100 * width).toFixed(1)}%`;
      return ` style="text-align: ${align}; ${share}"`;
    });
    const title = `<figcaption><span class="reference">Table ${this.number(label)}</span><br>${this.text(caption)}</figcaption>`;
    const head = columns.map((column, i) => `<th${align[i]}>${this.text(column.title)}</th>`).join("");
    const body = groups.map((rows) => {
      const lines = rows.map(
        (row) => `<tr>${row.map((cell, i) => `<td${align[i]}>${this.text(cell)}</td>`).join("")}</tr>`,
      );
      return `<tbody>${lines.join("")}</tbody>`;
    });
    const below = note ? `<p class="note">${this.text(note)}</p>` : "";
    return `<figure class="table${wide ? " wide" : ""}" id="${label}">${title}<table><thead><tr>${head}</tr></thead>${body.join("")}</table>${below}</figure>`;
  }

  private figure({ label, caption, picture, alternative, wide }: PaperFigure): string {
    const image =
      "missing" in picture
        ? `<p class="no-picture"><strong class="missing">missing</strong>: ${escapeHtml(picture.missing)}</p>`
        : `<img alt="${escapeHtml(alternative)}" src="data:image/svg+xml;base64,${Buffer.from(picture.svg).toString("base64")}">`;
    const text = `<figcaption><span class="reference">Fig. ${this.number(label)}.</span> ${this.text(caption)}</figcaption>`;
    return `<figure class="picture${wide ? " wide" : ""}" id="${label}">${image}${text}</figure>`;
  }

  private number(label: string): string {
    return this.numbering.labels.get(label)!;
  }
}

function tex(latex: string, displayMode: boolean): string {
  return katex.renderToString(latex, { displayMode, output: "html", throwOnError: true });
}

/** Lets escaped text break behind the parts of a path, an address or a name. */
function breakable(html: string): string {
  return html.replace(/[/_.:=-](?=[\w<])/g, "$&<wbr>");
}

/** A title whose lines break between words only, not at hyphens. */
function words(title: string): string {
  return title
    .split(" ")
    .map((word) => `<span>${escapeHtml(word)}</span>`)
    .join(" ");
}
