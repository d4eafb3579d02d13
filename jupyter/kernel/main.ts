/** The kernel's main thread: runs cells with tslab's executor, catches what they print, show and throw. */
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { MessageChannel, Worker } from "node:worker_threads";
import type { Executor } from "tslab/dist/executor";
import type { MimeBundle } from "../../src/display/display";
import { tableBundle, type FrameLike } from "../../src/display/table";
import { shared, type Farewell, type FrontData, type Order, type OutputKind, type Report } from "./channel";
import { Input } from "./input";
import { createCompiler, type Compiler } from "./compiler";
import { isLibrary, mayCutKey, type MayCut } from "./cut";
import { documentationBundle, type Documented } from "./documentation";
import { describeDiagnostics, describeError, type Failure } from "./traceback";
import type { Content } from "./wire";

/** Serves the connection that the file describes until a front end shuts the kernel down. */
export function startKernel(connectionFile: string | undefined): void {
  if (!connectionFile)
    throw new Error("usage: start.cjs CONNECTION_FILE (Jupyter and the runner start kernels)");
  const memory = new Int32Array(new SharedArrayBuffer(4 * Object.keys(shared).length));
  const lines = new MessageChannel();
  const count = new Int32Array(new SharedArrayBuffer(4));
  const workerData: FrontData = { connectionFile, memory, input: { port: lines.port2, count } };
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
  const cells = new Cells(memory, output, input);
  front.on("message", (order: Order) => {
    switch (order.type) {
      case "execute":
        return cells.run(order, (content) => report({ type: "answer", id: order.id, content }));
      case "ask":
        return report({ type: "answer", id: order.id, content: cells.ask(order) });
      case "interrupt":
        Atomics.add(memory, shared.read, 1);
        return cells.interrupt(order);
      case "exit":
        return cells.leave();
    }
  });
  catchOutput("stdout", output);
  catchOutput("stderr", output);
  console.clear = () => output("clear_output", { wait: false });
  process.on("SIGINT", () => {}); // interrupts come as messages
  process.on("exit", () => {
    front.postMessage({ type: "close" } satisfies Farewell);
    Atomics.wait(memory, shared.closed, 0, 1000);
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

/** How a cell ends that was stopped, and the library that was cut off with it, if one was. */
function interruption(cutIn: string | undefined): Failure {
  const evalue =
    cutIn === undefined
      ? "the cell was interrupted"
      : `the cell was cut off inside ${relative(process.cwd(), cutIn)}, which may be left half-way: restart the kernel before you use it again`;
  return { ename: "Interrupted", evalue, traceback: [`Interrupted: ${evalue}`] };
}

class Cells {
  private readonly compiler: Compiler;
  private readonly executor: Executor;
  private readonly sources = new Map<string, string>();
  /** Ends the present cell, with a failure or well; undefined between cells. */
  private end: ((failure?: Failure) => void) | undefined;
  /** Of the order for the present or last cell. */
  private id = 0;
  private thrown: unknown;
  private result: unknown;
  private aborter = new AbortController();
  /** Orders of cells that have asked for their signal and are at work, be they answered or not. */
  private readonly listening = new Set<number>();
  private readonly terminated = () => this.leave();
  private leaving = false;
  /** The library that was cut off in the present cell. */
  private cutIn: string | undefined;

  constructor(
    private readonly memory: Int32Array,
    private readonly output: (kind: OutputKind, content: Content, metadata?: Content) => void,
    private readonly input: Input,
  ) {
    this.compiler = createCompiler();
    const require = createRequire(__filename);
    const { createExecutor } = require("tslab/dist/executor") as typeof import("tslab/dist/executor");
    const plain = this.compiler.converter;
    const converter = {
      ...plain,
      convert: (previous: string, source: string) => {
        const converted = plain.convert(previous, source);
        if (this.told) throw new Error("interrupted before it ran");
        return converted;
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
        interruptSignal: () => this.listen(),
      },
      [Symbol.for(mayCutKey)]: mayCut((library) => {
        this.listens(false, ...this.listening);
        this.cutIn = library;
      }),
    });
  }

  /** Runs a cell and passes on the content of its `execute_reply`. */
  run(
    { id, code, count, silent, input }: Extract<Order, { type: "execute" }>,
    answer: (content: Content) => void,
  ) {
    this.id = id;
    const name = `cell:${count}`;
    this.sources.set(name, code);
    this.compiler.nextName = name;
    this.compiler.diagnostics = [];
    this.thrown = this.result = this.cutIn = undefined;
    this.aborter = new AbortController();
    this.input.begin(input);
    void new Promise<Failure | undefined>((resolve) => (this.end = resolve)).then((ended) => {
      this.end = undefined;
      this.input.begin(undefined);
      // What the cell threw may say what was saved, if it was asked to stop; a cell that was just stopped has no say.
      const stopped = this.told && !(ended && Atomics.load(this.memory, shared.listener) === id);
      const failure = stopped ? interruption(this.cutIn) : ended;
      // What a failed cell still awaits must not put its scope back when it ends.
      if (failure) this.executor.interrupt();
      if (failure) this.output("error", { ...failure });
      else if (this.result !== undefined && !silent) {
        const data = bundleOf(this.result);
        this.output("execute_result", { data, metadata: {}, execution_count: count });
      }
      answer(failure ? { status: "error", ...failure } : { status: "ok", payload: [], user_expressions: {} });
    });
    // Last, because a cell that is cut off ends the whole turn.
    this.execute(code).then(
      (ok) => {
        // One turn more, so that a promise that was rejected and not caught fails the cell.
        setImmediate(() => this.endOf(id)?.(ok ? undefined : this.reason(name, code)));
      },
      (error: unknown) => this.endOf(id)?.(describeError(error, this.known())),
    );
  }

  private endOf(id: number) {
    return id === this.id ? this.end : undefined;
  }

  /** Whether the present cell was told to stop. */
  private get told(): boolean {
    return Atomics.load(this.memory, shared.told) === this.id;
  }

  /**
   * tslab's executor on a cell, with two changes to how it calls the compiled cell: without `breakOnSigint`, which would
   * end native code as well, and noting when what the cell awaits has ended, also after the cell was interrupted.
   */
  private execute(code: string): Promise<boolean> {
    const vm = createRequire(__filename)("node:vm") as typeof import("node:vm");
    const { runInThisContext } = vm;
    const { id } = this;
    const over = () => this.listens(false, id);
    vm.runInThisContext = (compiled: string) => {
      vm.runInThisContext = runInThisContext;
      try {
        const value: unknown = runInThisContext(compiled);
        Promise.resolve(value).then(over, over);
        return value;
      } catch (error) {
        over();
        throw error;
      }
    };
    const done = this.executor.execute(code); // calls it at once, or not at all
    vm.runInThisContext = runInThisContext;
    return done;
  }

  /** The signal of the present cell, which ends by itself from now on when it is interrupted. */
  private listen(): AbortSignal {
    if (this.end) {
      Atomics.store(this.memory, shared.listener, this.id);
      this.listens(true, this.id);
    }
    return this.aborter.signal;
  }

  private listens(yes: boolean, ...ids: number[]): void {
    for (const id of ids)
      if (yes) this.listening.add(id);
      else this.listening.delete(id);
    const { size } = this.listening;
    Atomics.store(this.memory, shared.listening, size);
    process.off("SIGTERM", this.terminated);
    if (size > 0)
      process.on("SIGTERM", this.terminated); // Jupyter sends it where a kernel does not leave soon
    else if (this.leaving) setTimeout(() => process.exit(0), 50); // the cell's last words come first
  }

  /** Ends the process once the work that listens has come to its end. */
  leave(): void {
    this.leaving = true;
    this.aborter.abort(new Error("the kernel is shutting down"));
    if (this.listening.size === 0) process.exit(0);
  }

  /** An error that nobody caught fails the present cell; after its end it is shown as an error of that cell. */
  fail(error: unknown): void {
    const failure = describeError(error, this.known());
    failure.traceback.unshift("Not caught by anything:");
    if (this.end) this.end(failure);
    else this.output("error", { ...failure });
  }

  interrupt({ id, again }: Extract<Order, { type: "interrupt" }>): void {
    if (id !== this.id) return;
    this.aborter.abort(new Error("the cell was interrupted"));
    const listens = this.listening.has(id);
    if (again && listens && this.end && !this.leaving) {
      const text = "Stopped: what the cell has begun ends its step in the background and saves it.\n";
      this.output("stream", { name: "stderr", text });
    }
    if (again || !listens) this.end?.();
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
    return describeError(this.thrown, this.known());
  }

  private known() {
    return { sources: this.sources, places: this.compiler.places };
  }
}

/** See cut.ts; `cut` is told the library that is cut off, if one is. */
function mayCut(cut: (library: string | undefined) => void): MayCut {
  const node = process as unknown as Internals;
  const { noDeprecation } = node;
  node.noDeprecation = true;
  const { clearAsyncIdStack } = node.binding("async_wrap");
  node.noDeprecation = noDeprecation;
  const { cache } = createRequire(__filename);
  return (scripts) => {
    const paths = scripts.map((script) => (script.startsWith("file:") ? fileURLToPath(script) : script));
    // Native code may have called what is to be cut off, and few addons survive that.
    const native = Object.values(cache)
      .filter((module) => module!.children.some(({ filename }) => filename.endsWith(".node")))
      .map((module) => inPackage.exec(module!.filename)?.[0] ?? module!.filename);
    if (paths.some((path) => native.some((place) => path.startsWith(place)))) return false;
    clearAsyncIdStack(); // as Node does after an exception that nobody caught: what is cut off does not leave its contexts
    cut(paths.find(isLibrary));
    return true;
  };
}

const inPackage = /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+[\\/]/;

interface Internals {
  noDeprecation: boolean | undefined;
  binding(name: "async_wrap"): { clearAsyncIdStack: () => void };
}
