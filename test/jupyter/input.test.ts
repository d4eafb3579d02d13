import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { Dealer, Subscriber } from "zeromq";
import {
  createMessage,
  decodeMessage,
  encodeMessage,
  type ConnectionInfo,
  type Content,
  type Message,
} from "../../jupyter/kernel/wire";
import { KernelClient } from "../../scripts/runner/client";

/** A front end with a person who types: unlike the runner's client it has the channel for input. */
class FrontEnd {
  private readonly session = randomUUID();
  private readonly sockets: Record<"shell" | "control" | "stdin", Dealer>;
  private readonly iopub = new Subscriber();
  private heard: Message[] = [];
  private wake: () => void = () => {};

  constructor(
    private readonly kernel: ChildProcess,
    private readonly connection: ConnectionInfo,
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

  send(channel: "shell" | "control" | "stdin", type: string, content: Content, to?: Message): Promise<void> {
    const message = { ...createMessage(this.session, type, content, to), identities: [] };
    return this.sockets[channel].send(encodeMessage(message, this.connection.key));
  }

  /** Starts a cell; the result is what it printed and its reply, once it has ended. */
  async run(
    code: string,
  ): Promise<() => Promise<{ reply: Content; stdout: string; error: Content | undefined }>> {
    this.heard = [];
    await this.send("shell", "execute_request", { code, allow_stdin: true });
    return async () => {
      const { content: reply } = await this.hear(({ header }) => header.msg_type === "execute_reply");
      const idle = ({ content }: Message) => content["execution_state"] === "idle";
      await this.hear(idle);
      const of = (type: string) => this.heard.filter(({ header }) => header.msg_type === type);
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
  }
}

const folder = mkdtempSync(join(tmpdir(), "input-"));
let front: FrontEnd;

before(async () => {
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
  const start = resolve(__dirname, "../../jupyter/kernels/tslab/start.cjs");
  front = new FrontEnd(spawn(process.execPath, [start, file], { stdio: "ignore" }), connection);
  await front.send("shell", "kernel_info_request", {});
  await front.hear(({ header }) => header.msg_type === "kernel_info_reply");
});
after(async () => {
  await front.close();
  rmSync(folder, { recursive: true });
});

test("prompt() asks, waits and returns the line, or what stands in for an empty one", async () => {
  const ended = await front.run(
    'const name: string = prompt("Name?");\nconsole.log(`${name}|${prompt("Age?", "7")}|${prompt()}`);',
  );
  const prompts = [await front.answer("Ada 👩‍🚀"), await front.answer(""), await front.answer("")];
  assert.deepEqual(prompts, ["Name?", "Age? [7]", ""]);
  const { reply, stdout } = await ended();
  assert.equal(reply["status"], "ok");
  assert.equal(stdout, "Ada 👩‍🚀|7|\n");
});

for (const [what, open, first, second] of [
  [
    "readline/promises",
    'import { createInterface } from "node:readline/promises";\nimport { stdin, stdout } from "node:process";\nconst rl = createInterface({ input: stdin, output: stdout });',
    'const a = await rl.question("One? ");',
    'const b = await rl.question("Two? ");',
  ],
  [
    "readline with callbacks",
    'import * as readline from "node:readline";\nconst rl = readline.createInterface(process.stdin, process.stdout);\nconst ask = (text: string) => new Promise<string>((resolve) => rl.question(text, resolve));',
    'const a = await ask("One? ");',
    'const b = await ask("Two? ");',
  ],
] as const) {
  test(`a question of ${what} is asked when it is put, not before and not again`, async () => {
    const ended = await front.run(
      `console.log("line");\n${open}\n${first}\n${second}\nawait new Promise((done) => setTimeout(done, 100));\nconsole.log(a + b);`,
    );
    assert.deepEqual([await front.answer("x"), await front.answer("y")], ["One? ", "Two? "]);
    const { reply, stdout, error } = await ended();
    assert.equal(reply["status"], "ok", JSON.stringify(error));
    assert.equal(stdout, "line\nxy\n"); // the questions stand at the fields
    assert.ok(front.asksNothing);

    const nothing = await front.run("await new Promise((done) => setTimeout(done, 100));");
    await nothing();
    assert.ok(front.asksNothing);
    const later = await front.run(`${second.replace("const b", "const c")}\nrl.close();\nconsole.log(c);`);
    assert.equal(await front.answer("z"), "Two? ");
    assert.equal((await later()).stdout, "z\n");
  });
}

test("lines are asked for while somebody listens to them, also without readline", async () => {
  const lines = await front.run(
    'import { createInterface } from "node:readline";\nlet joined = "";\nfor await (const line of createInterface({ input: process.stdin })) {\n  if (line === "") break;\n  joined += line;\n}\nconsole.log(joined);',
  );
  for (const line of ["a", "b", ""]) await front.answer(line);
  assert.equal((await lines()).stdout, "ab\n");
  const data = await front.run(
    'const chunk = await new Promise((resolve) => process.stdin.once("data", resolve).resume());\nprocess.stdin.pause();\nconsole.log(String(chunk));',
  );
  await front.answer("raw");
  assert.equal((await data()).stdout, "raw\n\n");
  const whole = await front.run(
    'process.stdin.setEncoding("utf8");\nfor await (const text of process.stdin) {\n  console.log(text.trim());\n  if (text === "end\\n") break;\n}',
  );
  for (const line of ["č", "end"]) await front.answer(line);
  assert.equal((await whole()).stdout, "č\nend\n");
});

for (const [what, code] of [
  ["prompt()", 'prompt("Well?");'],
  ["a prompt() that is called again and again", 'for (;;) try { prompt("Well?"); } catch {}'],
  [
    "a question of readline",
    'import { createInterface } from "node:readline/promises";\nconst asking = createInterface(process.stdin, process.stdout);\nawait asking.question("Well? ");',
  ],
] as const) {
  test(`an interrupt ends the wait for the answer to ${what}; a late answer is nobody's`, async () => {
    const ended = await front.run(code);
    const question = await front.asked();
    await front.send("control", "interrupt_request", {});
    const { reply } = await ended();
    assert.deepEqual([reply["status"], reply["ename"]], ["error", "Interrupted"]);
    await front.send("stdin", "input_reply", { value: "late" }, question);
    const next = await front.run('console.log(prompt("Now?"));');
    assert.equal(await front.answer("new"), "Now?");
    assert.equal((await next()).stdout, "new\n");
  });
}

test("a reply that does not say to what is taken, and one that answers something else is not", async () => {
  const ended = await front.run('console.log(prompt("Well?"));');
  const question = await front.asked();
  await front.send("stdin", "input_reply", { value: "wrong" }, createMessage("s", "input_request", {}));
  await front.send("stdin", "input_reply", { value: "right" });
  assert.equal((await ended()).stdout, "right\n");
  assert.equal(question.content["password"], false);
});

test("a front end without input gets an error that says so, and input between cells is refused", async () => {
  const kernel = await KernelClient.start();
  try {
    const failure = async (code: string) => {
      const reply = await kernel.execute(code);
      return `${String(reply["ename"])}: ${String(reply["evalue"])}`;
    };
    const refused = /^Error: this front end takes no input .*: set a parameter or a constant instead$/;
    assert.match(await failure('prompt("Name?")'), refused);
    const open =
      'import { createInterface } from "node:readline/promises";\nconst rl = createInterface(process.stdin, process.stdout);';
    assert.match(await failure(`${open}\nawait rl.question("Name? ");`), refused);
    assert.match(await failure(`${open}\nfor await (const line of rl) console.log(line);`), refused);
    assert.match(
      await failure('await new Promise((resolve) => process.stdin.once("data", resolve).resume());'),
      refused,
    );
    const late: string[] = [];
    await kernel.execute(
      'setTimeout(() => prompt("Late?"), 50);',
      ({ content }) => void late.push(String(content["evalue"])),
    );
    await new Promise((done) => setTimeout(done, 500));
    assert.ok(late.includes("input can be asked for only while a cell runs"), late.join());
  } finally {
    await kernel.shutdown();
  }
});
