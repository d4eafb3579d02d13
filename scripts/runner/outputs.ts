/** What a notebook's cells have put out, from the kernel's messages, as it is saved. */
import type { Message } from "../../jupyter/kernel/wire";
import { outputSchema, type CodeCell, type Output } from "./notebook";

/** Applies messages to cells: joins streams, updates displays wherever they are, clears outputs. */
export class OutputCollector {
  private readonly displays = new Map<string, (Output & { output_type: "display_data" })[]>();
  private readonly clearing = new WeakSet<CodeCell>();

  /** Applies one message that the kernel published for `cell`. */
  apply(cell: CodeCell, { header, content }: Pick<Message, "header" | "content">): void {
    if (header.msg_type === "clear_output") {
      if (content["wait"] === true) this.clearing.add(cell);
      else cell.outputs = [];
      return;
    }
    if (header.msg_type === "update_display_data") return this.update(content);
    const { success, data: output } = outputSchema.safeParse({ output_type: header.msg_type, ...content });
    if (!success) return; // a status, an execute_input
    if (this.clearing.delete(cell)) cell.outputs = [];
    const last = cell.outputs.at(-1);
    if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
      last.text = overwritten(last.text + output.text);
      return;
    }
    if (output.output_type === "stream") output.text = overwritten(output.text);
    cell.outputs.push(output);
    const id = displayId(content);
    if (output.output_type === "display_data" && id !== undefined) {
      this.displays.set(id, [...(this.displays.get(id) ?? []), output]);
    }
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

/** Lines as a terminal shows them: what a carriage return goes back over is gone. */
function overwritten(text: string): string {
  return text.replace(/[^\n]*\r(?=[^\n\r])/g, "");
}
