/**
 * Lines from the person at the notebook: `prompt()`, which waits as in a browser, and a `process.stdin` for readline.
 * Jupyter's front ends show a field where the kernel asks, so nothing is asked before a cell wants a line.
 */
import { createRequire } from "node:module";
import type { Interface } from "node:readline";
import { Readable } from "node:stream";
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";

/** To the front thread: a line is wanted. Without a `prompt` it is what the cell printed last, if the line is open. */
export interface Question {
  id: number;
  prompt: string | undefined;
}

/** From the front thread; without a line the cell was interrupted or has ended. */
export interface Line {
  id: number;
  text: string | undefined;
}

/** What the threads share for it. */
export interface InputLink {
  /** Brings the front thread's lines. */
  port: MessagePort;
  /** How many came; the main thread can wait for the next. */
  count: Int32Array;
}

const unsupported =
  "this front end takes no input (npm start, nbclient and papermill do not): set a parameter or a constant instead";

export class Input {
  private stdin = this.open();
  /** Of readline, on `stdin`. */
  private readonly interfaces = new Set<Interface>();
  private asked = 0;
  /** Where the answer to the open question of `stdin` goes. */
  private reading: number | undefined;
  /** Of the present cell: whether its front end takes input. */
  private allowed: boolean | undefined;

  constructor(
    private readonly link: InputLink,
    private readonly ask: (question: Question) => void,
  ) {
    link.port.on("message", (line: Line) => this.receive(line));
    link.port.unref();
    const get = () => (this.stdin.destroyed ? (this.stdin = this.open()) : this.stdin);
    Object.defineProperty(process, "stdin", { get, configurable: true, enumerable: true });
    Object.assign(globalThis, { prompt: this.prompt });
    const require = createRequire(__filename);
    for (const name of ["node:readline", "node:readline/promises"]) {
      const readline = require(name) as { createInterface: (...args: unknown[]) => Interface };
      const { createInterface } = readline;
      readline.createInterface = (...args) => {
        const made = createInterface(...args);
        if ((made as { input?: unknown }).input === this.stdin) this.follow(made);
        return made;
      };
    }
  }

  /** A cell begins, in a front end that takes input or does not; or, with undefined, it has ended. */
  begin(allowed: boolean | undefined): void {
    this.allowed = allowed;
    this.reading = undefined;
  }

  private open(): Readable {
    // Each of readline's interfaces listens all the time; only it knows whether it wants a line.
    const read = () => {
      const others = stdin.listenerCount("data") - this.interfaces.size + stdin.listenerCount("readable");
      if (others > 0) this.read();
    };
    const stdin: Readable = new Readable({ read, highWaterMark: 0 }); // nothing is read ahead
    const later = () => process.nextTick(() => !stdin.isPaused() && read());
    return stdin.on("resume", later).on("newListener", (event) => {
      if (event === "readable") process.nextTick(read);
      else if (event === "data") later();
    });
  }

  private readonly prompt = (message = "", standard?: string): string => {
    this.refuse();
    const id = ++this.asked;
    const { count, port } = this.link;
    const hint = standard === undefined ? "" : ` [${standard}]`;
    let seen = Atomics.load(count, 0);
    this.ask({ id, prompt: `${message}${hint}` });
    for (;;) {
      const line = (receiveMessageOnPort(port) as { message: Line } | undefined)?.message;
      if (!line) {
        Atomics.wait(count, 0, seen);
        seen = Atomics.load(count, 0);
      } else if (line.id !== id) this.receive(line);
      else if (line.text === undefined) {
        throw Object.assign(new Error("the cell was interrupted"), { name: "Interrupted" });
      } else return line.text === "" && standard !== undefined ? standard : line.text;
    }
  };

  /** Asks for the next line of `stdin`, unless it is asked for already. */
  private read(): void {
    if (this.reading !== undefined) return;
    try {
      this.refuse();
    } catch (error) {
      process.nextTick(() => this.stdin.emit("error", error));
      return;
    }
    this.reading = ++this.asked;
    this.ask({ id: this.reading, prompt: undefined });
  }

  private refuse(): void {
    if (this.allowed === undefined) throw new Error("input can be asked for only while a cell runs");
    if (!this.allowed) throw new Error(unsupported);
  }

  private receive({ id, text }: Line): void {
    if (id !== this.reading) return;
    this.reading = undefined;
    if (text !== undefined) this.stdin.push(`${text}\n`);
  }

  /** Asks for a line with each question, and for one after the other where the interface's lines are listened to. */
  private follow(made: Interface): void {
    this.interfaces.add(made);
    made.once("close", () => this.interfaces.delete(made));
    const question = made.question.bind(made) as (...args: unknown[]) => unknown;
    made.question = (...args: unknown[]) => {
      const answer = question(...args);
      this.read();
      return answer;
    };
    const next = () =>
      setImmediate(() => {
        if (this.interfaces.has(made) && made.listenerCount("line") > 1 && !this.stdin.isPaused())
          this.read();
      });
    made.on("line", next);
    made.on("newListener", (event) => event === "line" && next());
  }
}
