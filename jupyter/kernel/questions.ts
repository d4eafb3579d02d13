/** The front thread's side of input: a question of the cell becomes Jupyter's `input_request`, its reply the line. */
import type { InputLink, Line, Question } from "./input";
import { createMessage, type Message } from "./wire";

export class Questions {
  private open: { id: number; request: Message } | undefined;

  constructor(
    private readonly link: InputLink,
    private readonly session: string,
    private readonly send: (request: Message) => void,
  ) {}

  /** Asks the front end that sent the cell. A question that is still open gets no line any more. */
  ask({ id, prompt }: Question, cell: Message | undefined): void {
    this.cancel();
    const content = { prompt: prompt ?? "", password: false };
    const request = createMessage(this.session, "input_request", content, cell);
    this.open = { id, request };
    this.send(request);
  }

  /** A reply to what is no longer asked is ignored; some front ends do not say what they reply to. */
  answer({ header, parent, content }: Message): void {
    if (!this.open || header.msg_type !== "input_reply") return;
    const to = parent.msg_id;
    if (to !== undefined && to !== this.open.request.header.msg_id) return;
    const { value } = content;
    this.close(typeof value === "string" ? value : "");
  }

  /** The cell was interrupted or has ended. */
  cancel(): void {
    if (this.open) this.close(undefined);
  }

  private close(text: string | undefined): void {
    const line: Line = { id: this.open!.id, text };
    this.open = undefined;
    this.link.port.postMessage(line);
    Atomics.add(this.link.count, 0, 1);
    Atomics.notify(this.link.count, 0);
  }
}
