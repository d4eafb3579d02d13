/** The kernel's main thread: runs cells with tslab's executor, catches what they print, show and throw. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { inspect } from "node:util";
import { MessageChannel, Worker } from "node:worker_threads";
import type { Executor } from "tslab/dist/executor";
import type { MimeBundle } from "../../src/notebook/display";
import { tableBundle, type FrameLike } from "../../src/notebook/table";
import {
  at,
  closed,
  compiling,
  idle,
  running,
  type Farewell,
  type FrontData,
  type Order,
  type OutputKind,
  type Report,
} from "./channel";
import { Input } from "./input";
import { createCompiler, type Compiler } from "./compiler";
import { documentationBundle, type Documented } from "./documentation";
import { describeDiagnostics, describeError, type Failure } from "./traceback";
import type { Content } from "./wire";

/** Serves the connection that the file describes until a front end shuts the kernel down. */
export function startKernel(connectionFile: string | undefined): void {
  if (!connectionFile)
    throw new Error("usage: start.cjs CONNECTION_FILE (Jupyter and the runner start kernels)");
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const lines = new MessageChannel();
  const count = new Int32Array(new SharedArrayBuffer(4));
  const workerData: FrontData = { connectionFile, shared, input: { port: lines.port2, count } };
  const bootstrap = `require("tsx/cjs"); require(${JSON.stringify(join(__dirname, "front.ts"))});`;
  const front = new Worker(bootstrap, { eval: true, workerData, transferList: [lines.port2] });
  front.on("error", (problem) => {
    console.error("kernel: the front thread failed:", problem);
    process.exit(1);
  });
  const report = (message: Report) => front.postMessage(message);
  const output = (kind: OutputKind, content: Content, metadata?: Content) =>
    report({ type: "output", kind, content, ...(metadata && { metadata }) });

  const input = new Input({ port: lines.port1, count }, (question) =>
    report({ type: "question", ...question }),
  );
  const cells = new Cells(shared, output, input);
  front.on("message", (order: Order) => {
    switch (order.type) {
      case "execute":
        return void cells.run(order).then((content) => report({ type: "answer", id: order.id, content }));
      case "ask":
        return report({ type: "answer", id: order.id, content: cells.ask(order) });
      case "interrupt":
        report({ type: "interrupted" });
        return cells.interrupt(order.id);
      case "exit":
        process.exit(0);
    }
  });
  catchOutput("stdout", output);
  catchOutput("stderr", output);
  console.clear = () => output("clear_output", { wait: false });
  process.on("SIGINT", () => {}); // interrupts come as messages; the front thread uses the signal to end loops
  process.on("exit", () => {
    front.postMessage({ type: "close" } satisfies Farewell);
    Atomics.wait(shared, closed, 0, 1000);
  });
  process.on("uncaughtException", (error) => cells.fail(error));
  process.on("unhandledRejection", (reason) => cells.fail(reason));
}

/** Text that the process prints becomes output of the cell. */
function catchOutput(name: "stdout" | "stderr", output: (kind: "stream", content: Content) => void): void {
  const decoder = new StringDecoder("utf8");
  process[name].write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    const text = typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk));
    if (text !== "") output("stream", { name, text });
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") process.nextTick(callback as () => void);
    return true;
  }) as typeof process.stdout.write;
}

/** Jupyter counts characters, JavaScript the units of UTF-16. */
const unitsBefore = (text: string, characters: number) => [...text].slice(0, characters).join("").length;

/** The value of a cell's last expression: a danfojs frame as a table, anything else as Node prints it. */
function bundleOf(value: unknown): MimeBundle {
  if (typeof value === "string") return { "text/plain": value };
  const frame = value as Partial<FrameLike> | null;
  if (
    frame &&
    Array.isArray(frame.columns) &&
    Array.isArray(frame.values) &&
    Array.isArray(frame.values[0])
  ) {
    return tableBundle(frame as FrameLike);
  }
  return { "text/plain": inspect(value) };
}

class Cells {
  private readonly compiler: Compiler;
  private readonly executor: Executor;
  private readonly sources = new Map<string, string>();
  /** Ends the present cell with a failure; undefined between cells. */
  private end: ((failure: Failure) => void) | undefined;
  /** Of the order for the present or last cell. */
  private id = 0;
  private thrown: unknown;
  private result: unknown;
  private aborter = new AbortController();

  constructor(
    private readonly shared: Int32Array,
    private readonly output: (kind: OutputKind, content: Content, metadata?: Content) => void,
    private readonly input: Input,
  ) {
    this.compiler = createCompiler();
    const require = createRequire(__filename);
    const { createExecutor } = require("tslab/dist/executor") as typeof import("tslab/dist/executor");
    const { convert } = this.compiler.converter;
    const converter = {
      ...this.compiler.converter,
      convert: (previous: string, source: string) => {
        Atomics.store(shared, at, compiling);
        try {
          return convert(previous, source);
        } finally {
          Atomics.store(shared, at, running);
        }
      },
    };
    // The executor's console is where it reports: `log` the value of the last expression, `error` what was thrown.
    this.executor = createExecutor(
      process.cwd(),
      { node: converter, browser: converter, close: () => converter.close() },
      {
        log: (value: unknown) => (this.result = value),
        error: (thrown: unknown, ...more: unknown[]) => {
          if (more.length === 0) this.thrown = thrown;
          else if (this.compiler.diagnostics.length === 0) console.error(thrown, ...more); // of an in-memory module
        },
      },
    );
    const jupyter = require("tslab/dist/jupyter") as { lastWriteDisplayData: unknown };
    jupyter.lastWriteDisplayData = (content: Content, update: boolean) =>
      output(update ? "update_display_data" : "display_data", content);
    // What src/notebook finds in a kernel beyond tslab's display.
    Object.assign(globalThis, {
      [Symbol.for("jupyter.kernel")]: {
        clearOutput: (wait: boolean) => output("clear_output", { wait }),
        interruptSignal: () => this.aborter.signal,
      },
    });
  }

  /** Runs a cell and returns the content of its `execute_reply`. */
  async run({ id, code, count, silent, input }: Extract<Order, { type: "execute" }>): Promise<Content> {
    this.id = id;
    const name = `cell:${count}`;
    this.sources.set(name, code);
    this.compiler.nextName = name;
    this.compiler.diagnostics = [];
    this.thrown = this.result = undefined;
    this.aborter = new AbortController();
    this.input.begin(input);
    const failure = await new Promise<Failure | undefined>((resolve) => {
      this.end = resolve;
      // In a turn of its own, because an interrupt of a loop ends the whole turn.
      setImmediate(() => {
        this.executor.execute(code).then(
          (ok) => {
            // One turn more, so that a promise that was rejected and not caught fails the cell.
            setImmediate(() => resolve(ok ? undefined : this.reason(name, code)));
          },
          (error: unknown) => resolve(describeError(error, this.known())),
        );
      });
    });
    this.end = undefined;
    this.input.begin(undefined);
    // What a failed cell still awaits must not put its scope back when it ends.
    if (failure) this.executor.interrupt();
    Atomics.store(this.shared, at, idle);
    if (failure) {
      this.output("error", { ...failure });
      return { status: "error", ...failure };
    }
    if (this.result !== undefined && !silent) {
      this.output("execute_result", { data: bundleOf(this.result), metadata: {}, execution_count: count });
    }
    return { status: "ok", payload: [], user_expressions: {} };
  }

  /** An error that nobody caught fails the present cell; after its end it is shown as an error of that cell. */
  fail(error: unknown): void {
    const failure = describeError(error, this.known());
    failure.traceback.unshift("Not caught by anything:");
    if (this.end) this.end(failure);
    else this.output("error", { ...failure });
  }

  interrupt(id: number): void {
    if (id !== this.id) return;
    const message = "the cell was interrupted";
    this.aborter.abort(new Error(message));
    this.end?.({ ename: "Interrupted", evalue: message, traceback: [`Interrupted: ${message}`] });
  }

  /** Completion, documentation of what is at the cursor, or whether a console should run the line. */
  ask({
    what,
    code,
    cursor,
  }: {
    what: "complete" | "inspect" | "is_complete";
    code: string;
    cursor: number;
  }): Content {
    try {
      if (what === "complete") {
        const { start, end, candidates } = this.executor.complete(code, unitsBefore(code, cursor));
        const [cursor_start, cursor_end] = [start, end].map((units) => [...code.slice(0, units)].length);
        return { status: "ok", matches: candidates, cursor_start, cursor_end, metadata: {} };
      }
      if (what === "inspect") return this.inspect(code, unitsBefore(code, cursor));
      const require = createRequire(__filename);
      const { isCompleteCode } = require("tslab/dist/converter") as typeof import("tslab/dist/converter");
      const { completed, indent } = isCompleteCode(code);
      return completed ? { status: "complete" } : { status: "incomplete", indent: indent ?? "" };
    } catch (error) {
      if (what === "is_complete") return { status: "unknown" };
      return { status: "error", ...describeError(error, this.known()) };
    }
  }

  private inspect(code: string, cursor: number): Content {
    const found = this.executor.inspect(code, cursor) as unknown as Documented | undefined;
    return {
      status: "ok",
      found: found !== undefined,
      data: found ? documentationBundle(found) : {},
      metadata: {},
    };
  }

  private reason(name: string, code: string): Failure {
    const { diagnostics } = this.compiler;
    if (diagnostics.length > 0) return describeDiagnostics(diagnostics, name, code);
    const interrupted =
      (this.thrown as { code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED";
    if (interrupted)
      return describeError(
        Object.assign(new Error("the cell was interrupted"), { name: "Interrupted" }),
        this.known(),
      );
    return describeError(this.thrown, this.known());
  }

  private known() {
    return { sources: this.sources, places: this.compiler.places };
  }
}
