export { bindPapers } from "./bind";
export {
  type Block,
  cite,
  code,
  type Column,
  continued,
  data,
  emphasis,
  type Equation,
  type Inline,
  type List,
  type Listing,
  math,
  type PaperDocument,
  type PaperFigure,
  type Paragraph,
  paragraph,
  refer,
  type Section,
  section,
  show,
  subsection,
  type Table,
  type Text,
} from "./document";
export { drawFigure } from "./figure";
export { type Format, formats } from "./format";
export { renderHtml } from "./html";
export { renderBibtex, renderLatex } from "./latex";
export { enumerate, type Piece, proseWith } from "./prose";
export { followPointer, type JsonPath, missing, type SourcedValue, Sources, toPointer } from "./sources";
export { checkTrace, readTrace, type Trace, type TracedValue, traceDocument } from "./trace";
export { type Work, type Works } from "./works";
export { writePaper, type WrittenPaper } from "./write";
