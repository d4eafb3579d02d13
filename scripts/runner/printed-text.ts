/**
 * What a cell prints, as a front end shows it. Only what is new is gone through, so that the time is that of the text,
 * however long its lines are and in however many pieces they come.
 *
 * A carriage return goes back to the line's beginning, where the next text writes over what is there; before a newline it
 * stays as it is. A backspace takes the last character of the line away. Colours have no width. `ESC [K` clears the rest of a
 * line, `ESC [2K` all of it, and `ESC [G` goes back as a carriage return does.
 */
export class PrintedText {
  /** The lines that are done, with their ends. */
  private done = "";
  /** The line at work, as long as it only grows. */
  private line = "";
  /** The line at work once something went back in it: what it begins with that has no width, then its characters. */
  private cells: string[] | undefined;
  /** Where the next character goes: behind so many. */
  private column = 0;
  /** A carriage return came and nothing since: what it does depends on what comes next, maybe in another piece. */
  private returned = false;

  get text(): string {
    return this.done + (this.cells?.join("") ?? this.line) + (this.returned ? "\r" : "");
  }

  write(text: string): void {
    for (const [piece] of text.matchAll(pieces)) {
      const first = piece[0];
      if (first === "\n") this.endLine();
      else if (first === "\r") this.returned = true;
      else {
        if (this.returned) this.goBack();
        if (first === "\b") this.backspace();
        else if (piece === "\x1b[K" || piece === "\x1b[0K") this.open().splice(this.column + 1);
        else if (piece === "\x1b[2K") this.clearLine();
        else if (piece === "\x1b[G" || piece === "\x1b[1G") this.goBack();
        else if (this.cells === undefined) this.line += piece;
        else if (first === "\x1b") this.cells[this.column] += piece;
        else for (const character of piece) this.cells[++this.column] = character;
      }
    }
  }

  private endLine(): void {
    const end = this.returned ? "\r\n" : "\n";
    this.returned = false;
    this.done += (this.cells?.join("") ?? this.line) + end;
    this.line = "";
    this.cells = undefined;
  }

  private goBack(): void {
    this.returned = false;
    this.open()[0] = "";
    this.column = 0;
  }

  private clearLine(): void {
    this.cells = [""];
    this.column = 0;
  }

  private backspace(): void {
    const cells = this.open();
    if (this.column === 0) return;
    if (this.column === cells.length - 1) cells.pop();
    this.column -= 1;
  }

  /** The line as characters that can be written over, each with the colours behind it. */
  private open(): string[] {
    if (this.cells) return this.cells;
    const cells = [""];
    for (const [piece] of this.line.matchAll(pieces)) {
      if (piece[0] === "\x1b") cells[cells.length - 1] += piece;
      else for (const character of piece) cells.push(character);
    }
    this.column = cells.length - 1;
    return (this.cells = cells);
  }
}

/** Runs of plain characters, sequences of the terminal, and what moves. */
const pieces = /[^\n\r\b\x1b]+|\x1b(?:\[[0-?]*[ -/]*[@-~])?|[\n\r\b]/g;
