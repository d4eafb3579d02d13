/**
 * The text of tokens as they come. Bytes of a character that is not whole yet wait for the rest, and what is once given is not
 * taken back: pieces joined are the text of all tokens.
 */
export class TokenText {
  /** Tokens of the last piece, and those after it: a tokenizer may write a token differently where none stands before it. */
  private ids: number[] = [];
  /** How many of them the pieces so far have told. */
  private told = 0;

  /** @param decode the text of tokens, with U+FFFD for bytes that are no character */
  constructor(private readonly decode: (ids: readonly number[]) => string) {}

  /** Takes a token and returns the text that is certain now. */
  push(token: number): string {
    this.ids.push(token);
    const piece = this.piece();
    if (piece === "" || piece.endsWith("\ufffd")) return "";
    const last = this.ids.slice(this.told);
    if (this.decode(last) !== "") this.ids = last; // else it would not show whether a space follows at the beginning
    this.told = this.ids.length;
    return piece;
  }

  /** The text that still waits: no token follows. */
  end(): string {
    const piece = this.piece();
    this.ids = [];
    this.told = 0;
    return piece;
  }

  private piece(): string {
    const before = this.decode(this.ids.slice(0, this.told));
    return this.decode(this.ids).slice(before.length);
  }
}

/**
 * An answer's text without white space around it, up to the first of some texts that end it (`User 1:`). What may be the
 * beginning of such a text, and white space, waits until it is known what follows.
 */
export class AnswerText {
  /** Whether one of the texts that end it has come. */
  ended = false;
  private waiting = "";
  private begun = false;

  constructor(private readonly stops: readonly string[] = []) {}

  /** Takes the next piece and returns what belongs to the answer for certain. */
  push(piece: string): string {
    if (this.ended) return "";
    this.waiting += piece;
    if (!this.begun) this.waiting = this.waiting.trimStart();
    const places = this.stops.map((stop) => this.waiting.indexOf(stop)).filter((place) => place >= 0);
    if (places.length > 0) {
      this.ended = true;
      this.waiting = this.waiting.slice(0, Math.min(...places));
      return this.end();
    }
    const longest = Math.max(0, ...this.stops.map((stop) => sharedEnd(this.waiting, stop)));
    return this.take(this.waiting.slice(0, this.waiting.length - longest).trimEnd().length);
  }

  /** What was waiting: nothing follows. */
  end(): string {
    return this.take(this.waiting.trimEnd().length);
  }

  private take(length: number): string {
    const text = this.waiting.slice(0, length);
    this.waiting = this.waiting.slice(length);
    if (text !== "") this.begun = true;
    return text;
  }
}

/** How many characters at the end of a text begin another one, which is not there whole. */
function sharedEnd(text: string, other: string): number {
  let length = Math.min(text.length, other.length - 1);
  while (length > 0 && !text.endsWith(other.slice(0, length))) length--;
  return length;
}
