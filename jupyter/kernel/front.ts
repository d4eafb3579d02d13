/**
 * The kernel's front thread: owns the sockets, answers what it can, passes cells to the main thread one at a time and
 * sends their outputs. It stays responsive while a cell computes, so outputs, the heartbeat and interrupts get through.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { Publisher, Reply, Router } from "zeromq";
import { cutPlace } from "../../src/text";
import { patience, shared, type Farewell, type FrontData, type Order, type Report } from "./channel";
import { cutWhile } from "./cut";
import { languageInfo, versionOf } from "./language";
import { Questions } from "./questions";
import {
  createMessage,
  decodeMessage,
  encodeMessage,
  type ConnectionInfo,
  type Content,
  type Message,
} from "./wire";

const { connectionFile, memory, input } = workerData as FrontData;
const connection = JSON.parse(readFileSync(connectionFile, "utf8")) as ConnectionInfo;
const main = parentPort!;
const session = randomUUID();
const unlimited = { sendHighWaterMark: 0, linger: 1000 };
const sockets = {
  iopub: new Publisher(unlimited),
  shell: new Router(unlimited),
  control: new Router(unlimited),
  stdin: new Router(unlimited),
  heartbeat: new Reply(unlimited),
};
type Replier = "shell" | "control";

/** Sends one after the other: a ZeroMQ socket takes one send at a time. */
function sender(socket: { send(frames: Buffer[]): Promise<void> }) {
  let last: Promise<void> = Promise.resolve();
  return (message?: Message): Promise<void> => {
    if (message) last = last.then(() => socket.send(encodeMessage(message, connection.key)));
    return last;
  };
}
const send = {
  iopub: sender(sockets.iopub),
  shell: sender(sockets.shell),
  control: sender(sockets.control),
  stdin: sender(sockets.stdin),
};
const questions = new Questions(input, session, (request) => void send.stdin(request));

function publish(type: string, content: Content, parent: Message | undefined, metadata: Content = {}): void {
  const message = createMessage(session, type, content, parent);
  void send.iopub({ ...message, metadata, identities: [Buffer.from(type)] });
}

function reply(from: Replier, type: string, content: Content, request: Message): void {
  void send[from](createMessage(session, type, content, request));
}

/** Requests on shell, in order; the first is at work. */
const queue: Message[] = [];
let count = 0;
let lastCell: Message | undefined;
let working = false;

async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let request = queue[0]; request; queue.shift(), request = queue[0]) {
    publish("status", { execution_state: "busy" }, request);
    await serve(request);
    flushStream();
    publish("status", { execution_state: "idle" }, request);
  }
  working = false;
}

async function serve(request: Message): Promise<void> {
  const type = request.header.msg_type;
  const answer = (content: Content) => reply("shell", type.replace(/_request$/, "_reply"), content, request);
  const { code, cursor_pos } = request.content as { code?: string; cursor_pos?: number };
  switch (type) {
    case "execute_request":
      return execute(request, answer);
    case "complete_request":
    case "inspect_request":
    case "is_complete_request": {
      const what = type.replace(/_request$/, "") as "complete" | "inspect" | "is_complete";
      return answer(
        await order((id) => ({ type: "ask", id, what, code: code ?? "", cursor: cursor_pos ?? 0 })),
      );
    }
    case "history_request":
      return answer({ status: "ok", history: [] });
    case "comm_info_request":
      return answer({ status: "ok", comms: {} });
    case "kernel_info_request":
      return answer(kernelInfo);
    case "shutdown_request":
      return shutDown("shell", request);
  }
}

async function execute(request: Message, answer: (content: Content) => void): Promise<void> {
  const {
    code = "",
    silent = false,
    store_history = true,
    stop_on_error = true,
    allow_stdin = false,
  } = request.content as {
    code?: string;
    silent?: boolean;
    store_history?: boolean;
    stop_on_error?: boolean;
    allow_stdin?: boolean;
  };
  if (!silent && store_history) count += 1;
  if (!silent) publish("execute_input", { code, execution_count: count }, request);
  lastCell = request;
  const content = await order((id) => ({
    type: "execute",
    id,
    code,
    count,
    silent,
    input: allow_stdin,
  }));
  questions.cancel();
  flushStream();
  if (content["status"] === "error" && stop_on_error) {
    await turn(); // what a front end sent together with this cell has now arrived
    const aborted = queue.splice(1).filter((waiting) => {
      if (waiting.header.msg_type === "execute_request") return true;
      queue.push(waiting);
      return false;
    });
    answer({ ...content, execution_count: count });
    for (const cell of aborted) {
      publish("status", { execution_state: "busy" }, cell);
      reply("shell", "execute_reply", { status: "aborted" }, cell);
      publish("status", { execution_state: "idle" }, cell);
    }
  } else {
    answer({ ...content, execution_count: count });
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 10));

const kernelInfo: Content = {
  status: "ok",
  protocol_version: "5.3",
  implementation: "tslab",
  implementation_version: versionOf("tslab"),
  banner: "TypeScript notebooks (tslab)",
  language_info: languageInfo,
};

const answers = new Map<number, (content: Content) => void>();
let orders = 0;

function order(make: (id: number) => Order): Promise<Content> {
  const id = ++orders;
  return new Promise((resolve) => {
    answers.set(id, resolve);
    main.postMessage(make(id));
  });
}

/** Printed text waits a moment for more, so that ten thousand small prints are not ten thousand messages. */
let stream: { name: unknown; text: string; parent: Message | undefined } | undefined;
let streamTimer: NodeJS.Timeout | undefined;
/** Characters of one message: more makes a front end stall, and far more is no message any longer. */
const longestText = 1 << 20;

function flushStream(): void {
  clearTimeout(streamTimer);
  streamTimer = undefined;
  const { name, text, parent } = stream ?? { text: "", parent: undefined };
  for (let from = 0; from < text.length;) {
    const to = cutPlace(text, from + longestText);
    publish("stream", { name, text: text.slice(from, to) }, parent);
    from = to;
  }
  stream = undefined;
}

/** The unfinished line that a cell has just printed is its question: a front end shows it at the field. */
function takeOpenLine(): string {
  if (stream?.name !== "stdout" || stream.parent !== lastCell) return "";
  const start = stream.text.lastIndexOf("\n") + 1;
  const line = stream.text.slice(start);
  stream.text = stream.text.slice(0, start);
  return line;
}

main.on("message", (report: Report | Farewell) => {
  if (report.type === "close") {
    flushStream();
    void Promise.all(Object.values(send).map((sent) => sent())).then(() => {
      for (const socket of Object.values(sockets)) socket.close();
      setTimeout(restForGood, 10); // once those that wait on a closed socket have heard of it
    });
  } else if (report.type === "answer") {
    answers.get(report.id)?.(report.content);
    answers.delete(report.id);
  } else if (report.type === "question") {
    const prompt = report.prompt ?? takeOpenLine();
    flushStream();
    questions.ask({ id: report.id, prompt }, lastCell);
  } else if (report.kind === "stream") {
    const { name, text } = report.content as { name: string; text: string };
    if (stream && (stream.name !== name || stream.parent !== lastCell)) flushStream();
    stream = { name, text: (stream?.text ?? "") + text, parent: lastCell };
    streamTimer ??= setTimeout(flushStream, 30);
  } else {
    flushStream();
    publish(report.kind, report.content, lastCell, report.metadata);
  }
});

/** Of the interrupts: how many there were, those for the present order, and when the last one came. */
const interrupts = { sent: 0, ofOrder: 0, at: 0 };
let cutting = false;
let leaving = false;

/** Whether a library may be cut off: at the second interrupt, or the third where work that listens would be lost. */
const insists = () => !leaving && interrupts.ofOrder > (Atomics.load(memory, shared.listening) > 0 ? 2 : 1);

/**
 * Stops the present cell. A main thread that waits does it itself on the message, one that does not read it is cut off,
 * except that a cell that listens to its signal decides itself when it ends, until it is interrupted again.
 */
function interrupt(): Content {
  const id = orders; // an interrupt that is late must not meet the next cell
  interrupts.ofOrder = Atomics.exchange(memory, shared.told, id) === id ? interrupts.ofOrder + 1 : 1;
  interrupts.sent += 1;
  questions.cancel();
  interrupts.at = Date.now();
  const again = interrupts.ofOrder > 1;
  main.postMessage({ type: "interrupt", id, again } satisfies Order);
  const listens = Atomics.load(memory, shared.listener) === id;
  const stuck = () => {
    const saves = leaving && Atomics.load(memory, shared.listening) > 0; // a kernel that leaves waits for it
    if (saves || Atomics.load(memory, shared.read) >= interrupts.sent) return false;
    questions.cancel(); // a main thread that waits for a line reads nothing else; the next cell's question is not meant
    return true;
  };
  const insisted = () => insists() && Date.now() - interrupts.at > 3000;
  if (again || !listens) {
    setTimeout(() => {
      if (cutting || !stuck()) return;
      cutting = true;
      void cutWhile(stuck, insisted).finally(() => (cutting = false));
    }, 250);
  }
  setTimeout(() => {
    if (answers.has(id) && !leaving && !insists()) sayWhatIsAwaited(listens, again);
  }, 1500);
  return { status: "ok", listens };
}

function sayWhatIsAwaited(listens: boolean, again: boolean): void {
  const text = again
    ? "Stopping: the step ends first, and is saved. Interrupt again (■) to cut it off, if it is JavaScript, and lose it.\n"
    : listens
      ? "Stopping: the cell ends its step first and saves it. Interrupt again (■) to end the cell at once.\n"
      : "Stopping: the function that the cell has called ends first. Interrupt again (■) to cut it off, if it is JavaScript.\n";
  flushStream();
  publish("stream", { name: "stderr", text }, lastCell);
}

/** Says that all is closed, and runs nothing more: zeromq aborts a process that ends while it calls back. */
function restForGood(): void {
  Atomics.store(memory, shared.closed, 1);
  Atomics.notify(memory, shared.closed);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function shutDown(from: Replier, request: Message): void {
  reply(from, "shutdown_reply", { status: "ok", restart: request.content["restart"] === true }, request);
  publish("status", { execution_state: "idle" }, request);
  void Promise.all(Object.values(send).map((sent) => sent())).then(leave);
}

/** The process ends once no cell is at work that listens to its signal, if its main thread does not read that in time also. */
function leave(): void {
  leaving = true;
  main.postMessage({ type: "exit" } satisfies Order);
  let seconds = 0;
  setInterval(() => {
    seconds += 1;
    if (Atomics.load(memory, shared.listening) > 0 && seconds * 1000 < patience) return;
    process.kill(process.pid, "SIGKILL");
  }, 1000).unref();
}

async function receive(from: Replier | "stdin", serveMessage: (message: Message) => void): Promise<void> {
  for await (const frames of sockets[from]) {
    try {
      serveMessage(decodeMessage(frames, connection.key));
    } catch (problem) {
      process.stderr.write(`kernel: ${(problem as Error).message}, ignored\n`);
    }
  }
}

function serveControl(request: Message): void {
  publish("status", { execution_state: "busy" }, request);
  switch (request.header.msg_type) {
    case "interrupt_request":
      reply("control", "interrupt_reply", interrupt(), request);
      break;
    case "kernel_info_request":
      reply("control", "kernel_info_reply", kernelInfo, request);
      break;
    case "shutdown_request":
      return shutDown("control", request);
  }
  publish("status", { execution_state: "idle" }, request);
}

/** A kernel whose starter is gone has nobody to work for. */
function leaveWithParent(): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    leave();
  }, 1000).unref();
}

async function start(): Promise<void> {
  const { transport, ip } = connection;
  const address = (port: number) => `${transport}://${ip}:${port}`;
  await Promise.all([
    sockets.iopub.bind(address(connection.iopub_port)),
    sockets.shell.bind(address(connection.shell_port)),
    sockets.control.bind(address(connection.control_port)),
    sockets.stdin.bind(address(connection.stdin_port)),
    sockets.heartbeat.bind(address(connection.hb_port)),
  ]);
  publish("status", { execution_state: "starting" }, undefined);
  leaveWithParent();
  void receive("shell", (message) => {
    queue.push(message);
    void work();
  });
  void receive("control", serveControl);
  void receive("stdin", (message) => questions.answer(message));
  for await (const beat of sockets.heartbeat) await sockets.heartbeat.send(beat);
}

start().catch((problem: Error) => {
  process.stderr.write(`kernel: cannot serve ${connectionFile}: ${problem.message}\n`);
  process.kill(process.pid, "SIGKILL");
});
