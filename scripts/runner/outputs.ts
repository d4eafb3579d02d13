/** What a notebook's cells have put out, from the kernel's messages, as it is saved. */
import type { Message } from "../../jupyter/kernel/wire";
import { cutPlace } from "../../src/text";
import { outputSchema, type CodeCell, type Output } from "./notebook";
import { PrintedText } from "./printed-text";

type Stream = Output & { output_type: "stream" };

/** Characters that a cell may print into its notebook; front ends choke on more, and a loop without end fills the disk. */
export const mostPrinted = 32_000_000;

const cutNotice = `[Cut here: a notebook keeps the first ${mostPrinted / 1e6} million characters that a cell prints; write more to a file.]`;

/** Applies messages to cells: joins streams, updates displays wherever they are, clears outputs. */
export class OutputCollector {
  private readonly displays = new Map<string, (Output & { output_type: "display_data" })[]>();
  private readonly streams = new WeakMap<Stream, PrintedText>();
  private readonly printed = new WeakMap<CodeCell, number>();
  private readonly clearing = new WeakSet<CodeCell>();

  /** Applies one message that the kernel published for `cell`. */
  apply(cell: CodeCell, { header, content }: Pick<Message, "header" | "content">): void {
    if (header.msg_type === "clear_output") {
      if (content["wait"] === true) this.clearing.add(cell);
      else this.clear(cell);
      return;
    }
    if (header.msg_type === "update_display_data") return this.update(content);
    const { success, data: output } = outputSchema.safeParse({ output_type: header.msg_type, ...content });
    if (!success) return; // a status, an execute_input
    if (this.clearing.delete(cell)) this.clear(cell);
    if (output.output_type === "stream") return this.print(cell, output);
    cell.outputs.push(output);
    const id = displayId(content);
    if (output.output_type === "display_data" && id !== undefined) {
      this.displays.set(id, [...(this.displays.get(id) ?? []), output]);
    }
  }

  private clear(cell: CodeCell): void {
    cell.outputs = [];
    this.printed.delete(cell);
  }

  private print(cell: CodeCell, { name, text }: Stream): void {
    const before = this.printed.get(cell) ?? 0;
    const room = mostPrinted - before;
    this.printed.set(cell, before + text.length);
    if (room < 0) return;
    const last = cell.outputs.at(-1);
    const stream: Stream =
      last?.output_type === "stream" && last.name === name ? last : { output_type: "stream", name, text: "" };
    if (stream !== last) cell.outputs.push(stream);
    let content = this.streams.get(stream);
    if (!content) this.streams.set(stream, (content = new PrintedText()));
    content.write(text.slice(0, cutPlace(text, room)));
    if (text.length > room) content.write(`\n${cutNotice}\n`);
    stream.text = content.text;
  }

  private update(content: Record<string, unknown>): void {
    for (const display of this.displays.get(displayId(content) ?? "") ?? []) {
      display.data = content["data"] as Record<string, unknown>;
      display.metadata = content["metadata"] as Record<string, unknown>;
    }
  }
}

function displayId(content: Record<string, unknown>): string | undefined {
  return (content["transient"] as { display_id?: string } | undefined)?.display_id;
}
