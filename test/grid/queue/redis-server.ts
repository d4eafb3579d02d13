/** A Redis of a test's own, where the machine has one. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { loadBullMq } from "../../../src/grid/queue/bullmq";

/** Why tests that need one cannot run here; undefined where they can. */
export function noRedis(): string | undefined {
  if (spawnSync("redis-server", ["--version"]).error) return "there is no redis-server in PATH";
  try {
    loadBullMq();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface TestRedis {
  readonly port: number;
  /** Starts it anew, with nothing in it. */
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** A Redis on a free port of this machine that keeps nothing on disk, with a password if one is given. */
export async function testRedis(password?: string): Promise<TestRedis> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  const self: TestRedis = {
    port,
    async start() {
      const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
      const entered = password === undefined ? [] : ["--requirepass", password];
      server = spawn("redis-server", [...options, ...entered], { stdio: "ignore" });
      while (!(await listens(port))) await sleep(20);
    },
    async kill() {
      if (!server || server.exitCode !== null) return;
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    },
  };
  await self.start();
  return self;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
