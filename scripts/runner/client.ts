/** A Jupyter client: starts a kernel from its kernelspec and speaks to it over loopback. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Dealer, Subscriber } from "zeromq";
import { patience } from "../../jupyter/kernel/channel";
import {
  createMessage,
  decodeMessage,
  encodeMessage,
  type ConnectionInfo,
  type Content,
  type Message,
} from "../../jupyter/kernel/wire";

const kernelFolder = resolve(__dirname, "../../jupyter/kernels/tslab");

/** What the kernel publishes in answer to a request, in order, and maybe after the reply too. */
export type Listener = (message: Message) => void;

interface Pending {
  listener: Listener;
  reply?: Content;
  idle: boolean;
  resolve: (content: Content) => void;
  reject: (error: Error) => void;
}

/** What usually lies behind a signal that nobody here sent. */
const causes: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: ", which is what the system does when memory runs out",
  SIGSEGV: ": native code failed",
  SIGABRT: ": native code failed, or JavaScript's memory ran out",
};

export class KernelDied extends Error {
  override name = "KernelDied";
}

export class KernelClient {
  private readonly session = randomUUID();
  private readonly shell = new Dealer({ linger: 0 });
  private readonly control = new Dealer({ linger: 0 });
  private readonly iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  private readonly pending = new Map<string, Pending>();
  /** Everybody who asked, by message id, also after the reply: late output still belongs to its cell. */
  private readonly listeners = new Map<string, Listener>();
  private death: KernelDied | undefined;
  private printed = "";
  private greeted: (() => void) | undefined;

  private constructor(
    private readonly process: ChildProcess,
    private readonly connection: ConnectionInfo,
    private readonly folder: string,
  ) {
    const keep = (data: Buffer) => (this.printed = (this.printed + data.toString()).slice(-4000));
    process.stdout!.on("data", keep);
    process.stderr!.on("data", keep);
    process.on("error", (error) => this.end(`could not be started: ${error.message}`));
    process.on("close", (code, signal) =>
      this.end(signal ? `was killed by ${signal}${causes[signal] ?? ""}` : `exited with code ${code}`),
    );
    const at = (port: number) => `${connection.transport}://${connection.ip}:${port}`;
    this.shell.connect(at(connection.shell_port));
    this.control.connect(at(connection.control_port));
    this.iopub.connect(at(connection.iopub_port));
    this.iopub.subscribe();
    for (const socket of [this.shell, this.control]) {
      void this.receive(socket, (message) =>
        this.settle(message, (pending) => (pending.reply = message.content)),
      );
    }
    void this.receive(this.iopub, (message) => this.published(message));
  }

  /**
   * Starts the project's kernel and waits until it answers and its outputs arrive.
   *
   * @param environment for the kernel's process
   * @param limit milliseconds to wait
   */
  static async start(environment: NodeJS.ProcessEnv = process.env, limit = 60_000): Promise<KernelClient> {
    const folder = mkdtempSync(join(tmpdir(), "kernel-"));
    const connection = await freeConnection();
    const file = join(folder, "connection.json");
    writeFileSync(file, JSON.stringify(connection), { mode: 0o600 });
    const { argv } = JSON.parse(readFileSync(join(kernelFolder, "kernel.json"), "utf8")) as {
      argv: string[];
    };
    const [, ...args] = argv.map((part) =>
      part.replace("{resource_dir}", kernelFolder).replace("{connection_file}", file),
    );
    const child = spawn(process.execPath, args, {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32", // a Ctrl-C in the terminal is the runner's to handle
    });
    const client = new KernelClient(child, connection, folder);
    const killed = () => child.kill("SIGKILL"); // by the end of this process
    process.on("exit", killed);
    child.on("close", () => process.off("exit", killed));
    try {
      await client.greet(limit);
    } catch (error) {
      await client.kill();
      throw error;
    }
    return client;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Runs a cell; resolves with the reply's content once its outputs have all been heard. */
  execute(code: string, listener: Listener = () => {}, options: Content = {}): Promise<Content> {
    const content = {
      code,
      silent: false,
      store_history: true,
      allow_stdin: false,
      stop_on_error: true,
      ...options,
    };
    return this.request("shell", "execute_request", content, listener);
  }

  /** Sends a request and resolves with the content of its reply. */
  request(channel: "shell" | "control", type: string, content: Content = {}, listener: Listener = () => {}) {
    return new Promise<Content>((resolve, reject) => {
      if (this.death) return reject(this.death);
      const message = createMessage(this.session, type, content);
      const id = message.header.msg_id;
      this.pending.set(id, { listener, idle: false, resolve, reject });
      this.listeners.set(id, listener);
      this.send(channel, message);
    });
  }

  /**
   * Stops the running cell. The answer is whether it listens to its signal: it then ends by itself, once it has saved its
   * work, or at a second interrupt.
   */
  async interrupt(): Promise<boolean> {
    return (await this.request("control", "interrupt_request"))["listens"] === true;
  }

  /**
   * Asks the kernel to leave and waits until it has. Cells that listen to their signal save first; a kernel that is
   * busy with anything else leaves within seconds.
   */
  async shutdown(): Promise<void> {
    if (this.death) return;
    this.request("control", "shutdown_request", { restart: false }).catch(() => {});
    await Promise.race([this.left(), new Promise((resolve) => setTimeout(resolve, patience + 5000).unref())]);
    await this.kill();
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.left();
  }

  private left(): Promise<void> {
    if (this.death) return Promise.resolve();
    return new Promise((resolve) => {
      this.process.once("close", () => resolve());
      this.process.once("error", () => resolve());
    });
  }

  private async greet(limit: number): Promise<void> {
    const deadline = Date.now() + limit;
    let heard = false;
    this.greeted = () => (heard = true);
    // The subscription takes effect some time after the connection: ask until an answer is heard on iopub too.
    for (;;) {
      const ask = this.request("shell", "kernel_info_request", {}, () => {});
      ask.catch(() => {});
      const wait = heard ? limit : 500;
      const answer = await Promise.race([
        ask.then(() => "answer"),
        new Promise<string>((resolve) => setTimeout(() => resolve("later"), wait)),
      ]);
      if (answer === "answer") return;
      if (Date.now() > deadline) throw new KernelDied(`the kernel did not answer within ${limit / 1000} s`);
    }
  }

  private send(channel: "shell" | "control", message: Message): void {
    const socket = this[channel];
    const sent = this.sending[channel].then(() => socket.send(encodeMessage(message, this.connection.key)));
    this.sending[channel] = sent.catch(() => {});
  }

  private readonly sending = { shell: Promise.resolve(), control: Promise.resolve() };

  private async receive(socket: Dealer | Subscriber, handle: (message: Message) => void): Promise<void> {
    try {
      for await (const frames of socket) handle(decodeMessage(frames, this.connection.key));
    } catch (error) {
      if (!this.death) this.end(`sent something wrong: ${(error as Error).message}`);
    }
  }

  private published(message: Message): void {
    this.greeted?.();
    const id = message.parent.msg_id;
    if (id === undefined) return;
    if (message.header.msg_type === "status") {
      if (message.content["execution_state"] === "idle")
        this.settle(message, (pending) => (pending.idle = true));
    } else {
      this.listeners.get(id)?.(message);
    }
  }

  private settle(message: Message, note: (pending: Pending) => void): void {
    const id = message.parent.msg_id;
    const pending = id === undefined ? undefined : this.pending.get(id);
    if (!pending) return;
    note(pending);
    if (!pending.reply || !pending.idle) return;
    this.pending.delete(id!);
    pending.resolve(pending.reply);
  }

  private end(how: string): void {
    if (this.death) return;
    const said = this.printed.trim();
    this.death = new KernelDied(`the kernel ${how}${said ? `; it printed:\n${said}` : ""}`);
    for (const { reject } of this.pending.values()) reject(this.death);
    this.pending.clear();
    this.shell.close();
    this.control.close();
    this.iopub.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freeConnection(): Promise<ConnectionInfo> {
  const ip = "127.0.0.1";
  const servers = await Promise.all(
    Array.from({ length: 5 }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, ip, () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports as [
    number,
    number,
    number,
    number,
    number,
  ];
  const key = randomBytes(32).toString("hex");
  const ports5 = { shell_port, iopub_port, stdin_port, control_port, hb_port };
  return { transport: "tcp", ip, ...ports5, key, signature_scheme: "hmac-sha256" };
}
