import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Dealer, Subscriber } from "zeromq";
import {
  createMessage,
  decodeMessage,
  encodeMessage,
  type ConnectionInfo,
  type Content,
  type Message,
} from "../../jupyter/kernel/wire";

/** A front end with a person who types: unlike the runner's client it has the channel for input. */
export class FrontEnd {
  private readonly session = randomUUID();
  private readonly sockets: Record<"shell" | "control" | "stdin", Dealer>;
  private readonly iopub = new Subscriber();
  private heard: Message[] = [];
  private wake: () => void = () => {};

  private constructor(
    private readonly kernel: ChildProcess,
    private readonly connection: ConnectionInfo,
    private readonly folder: string,
  ) {
    const at = (port: number) => `tcp://127.0.0.1:${port}`;
    const dealer = (port: number) => {
      const socket = new Dealer({ routingId: this.session, linger: 0 }); // one identity, so that questions find it
      socket.connect(at(port));
      return socket;
    };
    this.sockets = {
      shell: dealer(connection.shell_port),
      control: dealer(connection.control_port),
      stdin: dealer(connection.stdin_port),
    };
    this.iopub.connect(at(connection.iopub_port));
    this.iopub.subscribe();
    for (const socket of [...Object.values(this.sockets), this.iopub]) void this.receive(socket);
  }

  /** Starts a kernel of its own. */
  static async start(): Promise<FrontEnd> {
    const folder = mkdtempSync(join(tmpdir(), "input-"));
    const ports = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        await new Promise((done) => server.close(done));
        return port;
      }),
    );
    const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports as [
      number,
      number,
      number,
      number,
      number,
    ];
    const connection: ConnectionInfo = {
      ...{ transport: "tcp", ip: "127.0.0.1", key: "secret", signature_scheme: "hmac-sha256" },
      ...{ shell_port, iopub_port, stdin_port, control_port, hb_port },
    };
    const file = join(folder, "connection.json");
    writeFileSync(file, JSON.stringify(connection));
    const kernel = resolve(__dirname, "../../jupyter/kernels/tslab/start.cjs");
    const front = new FrontEnd(
      spawn(process.execPath, [kernel, file], { stdio: "ignore" }),
      connection,
      folder,
    );
    await front.send("shell", "kernel_info_request", {});
    await front.hear(({ header }) => header.msg_type === "kernel_info_reply");
    return front;
  }

  private async receive(socket: Dealer | Subscriber): Promise<void> {
    try {
      for await (const frames of socket) {
        this.heard.push(decodeMessage(frames, this.connection.key));
        this.wake();
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  }

  /** The first message that fits, once it is there. */
  async hear(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const index = this.heard.findIndex(fits);
      if (index >= 0) return this.heard.splice(index, 1)[0]!;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Sends a message and returns its id. */
  async send(
    channel: "shell" | "control" | "stdin",
    type: string,
    content: Content,
    to?: Message,
  ): Promise<unknown> {
    const message = { ...createMessage(this.session, type, content, to), identities: [] };
    await this.sockets[channel].send(encodeMessage(message, this.connection.key));
    return message.header.msg_id;
  }

  /** Starts a cell, which may ask for input or not; the result is what it printed and its reply, once it has ended. */
  async run(
    code: string,
    { allow_stdin = true } = {},
  ): Promise<() => Promise<{ reply: Content; stdout: string; error: Content | undefined }>> {
    this.heard = [];
    const id = await this.send("shell", "execute_request", { code, allow_stdin });
    // On a busy machine messages about what was before come late.
    const own = ({ parent }: Message) => parent.msg_id === id;
    return async () => {
      const { content: reply } = await this.hear(
        (message) => own(message) && message.header.msg_type === "execute_reply",
      );
      await this.hear((message) => own(message) && message.content["execution_state"] === "idle");
      const of = (type: string) =>
        this.heard.filter((message) => own(message) && message.header.msg_type === type);
      const stdout = of("stream").map(({ content }) => content["text"]);
      return { reply, stdout: stdout.join(""), error: of("error")[0]?.content };
    };
  }

  /** The next question, which is not answered yet. */
  asked(): Promise<Message> {
    return this.hear(({ header }) => header.msg_type === "input_request");
  }

  /** Whether nothing has been asked by the time that the kernel has answered to something else. */
  get asksNothing(): boolean {
    return this.heard.every(({ header }) => header.msg_type !== "input_request");
  }

  async answer(value: string): Promise<string> {
    const question = await this.asked();
    await this.send("stdin", "input_reply", { value, status: "ok" }, question);
    return question.content["prompt"] as string;
  }

  async close(): Promise<void> {
    this.kernel.kill("SIGKILL");
    await once(this.kernel, "close");
    for (const socket of [...Object.values(this.sockets), this.iopub]) socket.close();
    rmSync(this.folder, { recursive: true });
  }
}
