import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readJson } from "../io";

/** US Letter as IEEE's conference template sets it, in CSS pixels. */
export const paper = {
  width: 816,
  height: 1056,
  top: 72,
  bottom: 92,
  side: 60,
  column: 336,
  gap: 24,
} as const;

const load = createRequire(__filename);

function dataUrl(path: string): string {
  return `url(data:font/woff2;base64,${readFileSync(path).toString("base64")})`;
}

/** Tinos, which has the metrics of Times New Roman, so that the pages are the same on every machine. */
function textFont(): string {
  const folder = join(dirname(load.resolve("@fontsource/tinos/package.json")), "files");
  const ranges = readJson(load.resolve("@fontsource/tinos/unicode.json")) as Record<string, string>;
  const faces = ["latin", "latin-ext", "greek"].flatMap((subset) =>
    [400, 700].flatMap((weight) =>
      ["normal", "italic"].map((style) => {
        const file = join(folder, `tinos-${subset}-${weight}-${style}.woff2`);
        return `@font-face { font-family: Tinos; font-weight: ${weight}; font-style: ${style}; src: ${dataUrl(file)}; unicode-range: ${ranges[subset]}; }`;
      }),
    ),
  );
  return faces.join("\n");
}

/** KaTeX's style sheet with the fonts that ordinary mathematics needs. */
function mathStyle(): string {
  const path = load.resolve("katex/dist/katex.min.css");
  return readFileSync(path, "utf8").replace(/@font-face\{[^}]*\}/g, (rule) => {
    const file = /url\((fonts\/KaTeX_(?:AMS|Main|Math|Size\d)-\w+\.woff2)\)/.exec(rule)?.[1];
    return file ? rule.replace(/src:[^}]*/, `src:${dataUrl(join(dirname(path), file))}`) : "";
  });
}

export function paperStyle(): string {
  const { width, height, top, side, column, gap } = paper;
  return `${textFont()}
${mathStyle()}
@page { size: ${width}px ${height}px; margin: 0; }
* { box-sizing: border-box; }
body { margin: 0; color: #000; font: 13.33px/16px Tinos, "Times New Roman", serif; text-rendering: geometricPrecision; }
#flow { width: ${2 * column + gap}px; margin: 24px auto; column-count: 2; column-gap: ${gap}px; }
#flow > .wide { column-span: all; }
.page { position: relative; width: ${width}px; height: ${height}px; padding: ${top}px ${side}px 0; overflow: hidden; background: #fff; break-after: page; }
.page:last-of-type { break-after: auto; }
.page > .top { display: flow-root; }
.page > .columns { display: flex; align-items: flex-start; gap: ${gap}px; }
.page > .columns > div { width: ${column}px; display: flow-root; }
.page > footer { position: absolute; bottom: 44px; left: 0; right: 0; text-align: center; font-size: 11px; }
h1, h2, h3, p, ul, figure, header { margin: 0; font-weight: normal; }
header { text-align: center; padding-bottom: 26px; }
h1 { font-size: 32px; line-height: 37px; padding-bottom: 14px; text-wrap: balance; }
h1 > span { white-space: nowrap; }
.author { font-size: 14.7px; text-indent: 0; text-align: center; }
h2 { font-size: 13.33px; font-variant: small-caps; letter-spacing: 0.02em; text-align: center; padding: 13px 0 6px; }
h3 { font-size: 13.33px; font-style: italic; padding: 10px 0 4px; }
p { text-align: justify; text-indent: 14px; }
.abstract { font-size: 12px; line-height: 14.2px; font-weight: bold; padding-bottom: 6px; }
.cut { text-align-last: justify; }
.continued { text-indent: 0; }
ul { padding-left: 22px; }
li { text-align: justify; padding-bottom: 1px; }
li.continued { list-style: none; }
code { font: 11.3px/16px "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; letter-spacing: -0.04em; }
.columns > div > :is(h2, h3):first-child { padding-top: 0; }
.listing { padding: 5px 0 5px 14px; }
.value { white-space: nowrap; }
a { color: inherit; text-decoration: none; }
.equation { display: flex; align-items: center; padding: 5px 0; }
.equation > .katex-display { flex: 1; margin: 0; }
.katex { font-size: 1em; line-height: 1; }
figure { padding: 9px 0; }
.top > figure { padding: 0 0 15px; }
.picture img { display: block; width: 100%; }
.picture figcaption { font-size: 10.7px; line-height: 12.5px; padding-top: 4px; text-align: justify; }
.no-picture { border: 1px solid #999; padding: 14px; text-indent: 0; font-size: 10.7px; line-height: 12.5px; }
.table figcaption { font-size: 10.7px; line-height: 12.5px; text-align: center; font-variant: small-caps; padding-bottom: 5px; }
.table figcaption .data, .table figcaption .value { font-variant: normal; }
table { border-collapse: collapse; margin: 0 auto; font-size: 10.3px; line-height: 12.2px; width: 100%; border-top: 1.3px solid #000; border-bottom: 1.3px solid #000; }
th, td { padding: 1.5px 3px; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
th { font-weight: bold; }
tbody { border-top: 0.7px solid #000; }
table code { font-size: 9px; line-height: 12.2px; }
.note { font-size: 10px; line-height: 11.6px; padding-top: 4px; text-indent: 0; }
.missing { font-weight: bold; }
.work { display: flex; gap: 5px; font-size: 10.7px; line-height: 12.6px; padding-bottom: 2px; text-align: justify; }
.work > span:first-child { width: 19px; flex: none; text-align: right; }
@media screen {
  html { background: #ddd; }
  .page { margin: 16px auto; box-shadow: 0 1px 6px #0005; }
}
`;
}

/** Height of the text on a page, in CSS pixels. */
export const textHeight = paper.height - paper.top - paper.bottom;
