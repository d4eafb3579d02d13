import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "node:net";

/** How a browser is started: its program, and what the program needs. */
export interface BrowserCommand {
  path: string;
  arguments?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

/** A reply of the DevTools protocol; what is in it depends on the method. */
type Reply = Record<string, unknown>;

interface Pending {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

const browserFlags = [
  "--headless",
  "--remote-debugging-pipe",
  // The page shows only what this program gives it and loads nothing, and the sandbox fails for root and in most containers.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
  "--hide-scrollbars",
  "--font-render-hinting=none",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];

/** A new folder for a browser's profile; those of processes that were killed are removed. */
function makeProfile(): string {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^persona-browser-(\d+)-/.exec(name)?.[1];
    if (owner && !isRunning(Number(owner))) removeProfile(join(tmpdir(), name));
  }
  return mkdtempSync(join(tmpdir(), `persona-browser-${process.pid}-`));
}

/** A browser that was killed a moment ago may still be writing; what cannot be removed now the next process removes. */
function removeProfile(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 8, retryDelay: 50 });
  } catch {
    return;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * A Chromium without windows, spoken to over the DevTools protocol through a pipe: it ends by itself when this process
 * does, however that happens, and it keeps this process alive only while an answer is awaited.
 */
export class DevTools {
  private readonly pending = new Map<number, Pending>();
  private readonly profile = makeProfile();
  private readonly child: ChildProcess;
  private readonly pipes: [Socket, Socket];
  private received: Buffer[] = [];
  private complaints = "";
  private ended: Error | undefined;
  private lastId = 0;

  constructor(readonly command: BrowserCommand) {
    this.child = spawn(
      command.path,
      [...browserFlags, `--user-data-dir=${this.profile}`, ...(command.arguments ?? []), "about:blank"],
      {
        stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
        env: { ...process.env, ...command.environment },
        // A group of its own: an interrupt of this process (a stopped notebook cell) is not one of the browser.
        detached: process.platform !== "win32",
        windowsHide: true,
      },
    );
    this.pipes = [this.child.stdio[3] as Socket, this.child.stdio[4] as Socket];
    this.pipes[1].on("data", (chunk: Buffer) => this.receive(chunk));
    for (const pipe of this.pipes) pipe.on("error", (error) => this.end(error.message));
    this.child.stderr!.on("data", (chunk: Buffer) => {
      this.complaints = (this.complaints + chunk.toString()).slice(-2000);
    });
    this.child.on("error", (error) => this.end(error.message));
    this.child.on("exit", (code, signal) => this.end(`it ended (${signal ?? `exit code ${code}`})`));
    process.on("exit", this.close);
    this.keepAlive(false);
  }

  /** Whether the browser is still there. */
  get alive(): boolean {
    return this.ended === undefined;
  }

  /**
   * Sends one command and awaits its answer.
   *
   * @throws {Error} with the browser's words if it refuses, has ended, or has not answered after `seconds` in which it could be heard:
   * work that blocks this process's events for longer is not the browser's fault
   */
  async send(method: string, parameters: object = {}, sessionId?: string, seconds = 60): Promise<Reply> {
    if (this.ended) throw this.ended;
    const id = ++this.lastId;
    this.keepAlive(true);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Reply>((resolve, reject) => {
        this.pending.set(id, { resolve, reject });
        let left = Math.ceil(seconds);
        timer = setInterval(() => {
          if (--left === 0) reject(new Error(`no answer to ${method} in ${seconds} s`));
        }, 1000);
        this.pipes[0].write(`${JSON.stringify({ id, method, params: parameters, sessionId })}\0`);
      });
    } finally {
      clearInterval(timer);
      this.pending.delete(id);
      if (this.pending.size === 0) this.keepAlive(false);
    }
  }

  /** Ends the browser and removes its profile. */
  readonly close = (): void => {
    process.off("exit", this.close);
    this.end("it was closed");
    this.kill();
    removeProfile(this.profile);
  };

  /** Ends the browser with all its processes, which would go on writing into the profile for a moment. */
  private kill(): void {
    const { pid, exitCode } = this.child;
    if (pid === undefined || exitCode !== null) return;
    try {
      if (process.platform === "win32") this.child.kill("SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Messages are JSON texts that end with a NUL; one may come in many chunks. */
  private receive(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = Buffer.concat([...this.received, rest.subarray(0, end)]).toString("utf8");
      this.received = [];
      rest = rest.subarray(end + 1);
      const { id, result, error } = JSON.parse(message) as {
        id?: number;
        result?: Reply;
        error?: { message: string };
      };
      const waiting = id === undefined ? undefined : this.pending.get(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result ?? {});
    }
    if (rest.length > 0) this.received.push(rest);
  }

  private end(reason: string): void {
    if (this.ended) return;
    const said = this.complaints.trim().split("\n").slice(-4).join("\n");
    this.ended = new Error(`browser ${this.command.path}: ${reason}${said && `\n${said}`}`);
    for (const { reject } of this.pending.values()) reject(this.ended);
  }

  private keepAlive(wanted: boolean): void {
    const handles = [this.child, this.child.stderr as Socket, ...this.pipes];
    for (const handle of handles) {
      if (wanted) handle.ref();
      else handle.unref();
    }
  }
}
