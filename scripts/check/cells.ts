/** The code cells of a notebook as one module, with the way back from the module's positions to cell and line. */
import { hasTag, type Notebook } from "../runner/notebook";

export interface CellsModule {
  text: string;
  cells: CellStart[];
}

interface CellStart {
  /** 1-based, of all cells of the notebook, as an editor counts them. */
  number: number;
  /** Zero-based line of the module where the cell begins. */
  line: number;
  source: string;
}

/** Joins the code cells; what the runner injected is left out. */
export function joinCells(notebook: Notebook): CellsModule {
  const lines: string[] = [];
  const cells: CellStart[] = [];
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== "code" || hasTag(cell, "injected-parameters")) continue;
    cells.push({ number: index + 1, line: lines.length, source: cell.source });
    lines.push(...cell.source.split("\n"));
  }
  lines.push("export {};", "");
  return { text: lines.join("\n"), cells };
}

/** The cell and 1-based line in it that hold a zero-based line of the module. */
export function placeOf(module: CellsModule, line: number): { cell: number; line: number } {
  const cell = module.cells.filter((start) => start.line <= line).at(-1) ?? { number: 1, line: 0 };
  return { cell: cell.number, line: line - cell.line + 1 };
}
