/** Runs one notebook in a kernel of its own and saves it with its outputs. */
import { basename } from "node:path";
import { FileProblem } from "../../src/io";
import type { ParameterValue } from "../../src/notebook";
import type { Content } from "../../jupyter/kernel/wire";
import { KernelClient, KernelDied } from "./client";
import { readNotebook, writeNotebook, type CodeCell, type Notebook } from "./notebook";
import { OutputCollector } from "./outputs";
import { injectParameters } from "./parameters";

export interface NotebookRun {
  /** The notebook; it is only read. */
  path: string;
  /** Where the executed notebook is saved, after every cell. */
  saveTo: string;
  parameters: Record<string, ParameterValue>;
  /** The kernel's environment. */
  environment: NodeJS.ProcessEnv;
  /** Seconds that one cell may take. */
  limit: number;
  /** Aborted to end the run: the running cell is interrupted, what there is is saved. */
  signal?: AbortSignal;
  onProgress?: (progress: CellProgress) => void;
  /** Called after each time that the executed notebook was saved. */
  onSaved?: () => void;
}

export interface CellProgress {
  /** 1-based, of all cells of the notebook that is saved. */
  cell: number;
  cells: number;
  /** The heading that the cell stands under, else its first line. */
  title: string;
  /** What the cell's progress report says, once it has one. */
  note: string | undefined;
}

/** A notebook's failure: where and what. */
export class NotebookFailure extends Error {
  override name = "NotebookFailure";
  constructor(
    readonly path: string,
    /** 1-based, of all cells of the executed notebook, as an editor counts them. */
    readonly cell: number,
    /** 1-based line in that cell, where one is known. */
    readonly line: number | undefined,
    problem: string,
  ) {
    super(`${basename(path)}, cell ${cell}${line === undefined ? "" : `, line ${line}`}: ${problem}`);
  }
}

/** Seconds that an interrupted cell has to come to its end: one that saves its work then, and any other. */
export const grace = { saving: 120, other: 10 };

/**
 * Runs the code cells in order; the executed notebook is saved after each.
 *
 * @throws {NotebookFailure} when a cell fails, takes longer than the limit, is interrupted, or the kernel dies
 */
export async function runNotebook(run: NotebookRun): Promise<void> {
  const notebook = injectParameters(readNotebook(run.path), run.parameters);
  for (const cell of notebook.cells) {
    if (cell.cell_type !== "code") continue;
    cell.outputs = [];
    cell.execution_count = null;
  }
  const save = () => {
    writeNotebook(run.saveTo, notebook);
    run.onSaved?.();
  };
  save();
  const collector = new OutputCollector();
  const kernel = await KernelClient.start(run.environment);
  let late: NotebookFailure | undefined;
  try {
    for (const [index, cell] of notebook.cells.entries()) {
      if (cell.cell_type !== "code" || cell.source.trim() === "") continue;
      const number = index + 1;
      const count = notebook.cells.length;
      const title = headingBefore(notebook, index);
      run.onProgress?.({ cell: number, cells: count, title, note: undefined });
      const reply = await runCell(kernel, cell, collector, run, number, {
        note: (note) => run.onProgress?.({ cell: number, cells: count, title, note }),
        failed: (content) => (late ??= failureOf(run.path, number, content)),
      });
      cell.execution_count = (reply["execution_count"] as number | undefined) ?? null;
      if (reply["status"] !== "ok") throw failureOf(run.path, number, reply);
      save();
      if (late) throw late as NotebookFailure;
    }
    await kernel.request("shell", "kernel_info_request"); // whatever is still on its way comes before its answer
    if (late) throw late as NotebookFailure;
    save();
  } catch (error) {
    try {
      save();
    } catch (unsaved) {
      // Where the disk is full the cell failed of it first, and is the better place to say so.
      if (!(unsaved instanceof FileProblem && error instanceof NotebookFailure)) throw unsaved;
    }
    throw error;
  } finally {
    await kernel.shutdown();
  }
}

function headingBefore({ cells }: Notebook, index: number): string {
  const headings = cells
    .slice(0, index)
    .flatMap((cell) => (cell.cell_type === "markdown" ? [...cell.source.matchAll(/^#+ +(.+)$/gm)] : []));
  return headings.at(-1)?.[1] ?? cells[index]!.source.trim().split("\n")[0]!;
}

interface CellEvents {
  note(text: string): void;
  failed(content: Content): void;
}

async function runCell(
  kernel: KernelClient,
  cell: CodeCell,
  collector: OutputCollector,
  run: NotebookRun,
  number: number,
  events: CellEvents,
): Promise<Content> {
  const reply = kernel.execute(cell.source, (message) => {
    collector.apply(cell, message);
    const { data, metadata } = message.content as { data?: Content; metadata?: Content };
    if (metadata?.["progress"] === true) events.note(String(data?.["text/plain"]));
    if (message.header.msg_type === "error") events.failed(message.content);
  });
  const ended = await firstOf(reply, run.limit, run.signal, (error) => {
    throw new NotebookFailure(run.path, number, undefined, error.message);
  });
  if (typeof ended !== "string") return ended;
  const problem = ended === "limit" ? `the cell took longer than its limit of ${run.limit} s` : "interrupted";
  const how = await stopCell(kernel, reply);
  cell.outputs = cell.outputs.filter(
    (output) => output.output_type !== "error" || output.ename !== "Interrupted",
  );
  cell.outputs.push({
    output_type: "error",
    ename: "Stopped",
    evalue: `${problem}${how}`,
    traceback: [`Stopped: ${problem}${how}`],
  });
  throw new NotebookFailure(run.path, number, undefined, `${problem}${how}`);
}

/** Interrupts the running cell and says how it came to its end, as far as that matters. */
async function stopCell(kernel: KernelClient, reply: Promise<Content>): Promise<string> {
  try {
    const listens = await kernel.interrupt();
    const seconds = listens ? grace.saving : grace.other;
    const ended = await Promise.race([reply, after(seconds * 1000)]);
    if (ended) {
      const { ename, evalue } = ended;
      return ename !== "Interrupted" && typeof evalue === "string" && evalue ? `: ${evalue}` : "";
    }
    await kernel.kill();
    return `, and was killed, because it had not ended ${seconds} s later: what it had not saved is lost`;
  } catch (error) {
    return `, and ${(error as Error).message}\nWhat the cell had not saved is lost.`;
  }
}

/** The reply, or why it is not waited for any longer. */
async function firstOf(
  reply: Promise<Content>,
  limit: number,
  signal: AbortSignal | undefined,
  died: (error: KernelDied) => never,
): Promise<Content | "limit" | "stopped"> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  try {
    return await Promise.race([
      reply,
      new Promise<"limit">((resolve) => (timer = setTimeout(() => resolve("limit"), limit * 1000))),
      new Promise<"stopped">((resolve) => {
        stop = () => resolve("stopped");
        if (signal?.aborted) stop();
        signal?.addEventListener("abort", stop);
      }),
    ]);
  } catch (error) {
    if (error instanceof KernelDied) return died(error);
    throw error;
  } finally {
    clearTimeout(timer);
    if (stop) signal?.removeEventListener("abort", stop);
  }
}

const after = (milliseconds: number) =>
  new Promise<undefined>((resolve) => setTimeout(resolve, milliseconds, undefined).unref());

function failureOf(path: string, number: number, content: Content): NotebookFailure {
  const { ename, evalue, traceback, execution_count } = content as {
    ename?: string;
    evalue?: string;
    traceback?: string[];
    execution_count?: number;
  };
  const lines = traceback ?? [];
  const inThisCell = new RegExp(`In \\[${execution_count ?? "\\d+"}\\], line (\\d+)`);
  const place = lines.map((line) => inThisCell.exec(line)).find((found) => found);
  // A disk that is full or read-only is nothing that the cell's code could tell about.
  const detail = lines.length > 1 && ename !== "FileProblem" ? `\n${lines.slice(1).join("\n")}` : "";
  return new NotebookFailure(
    path,
    number,
    place ? Number(place[1]) : undefined,
    `${ename}: ${evalue}${detail}`,
  );
}
