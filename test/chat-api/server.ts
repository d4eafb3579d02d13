/** A server that behaves like a chat API, or misbehaves as a test says. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Endpoint } from "../../src/chat-api/endpoint";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

export interface ApiServer {
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly received: Received[];
  /** Requests that are answered at this moment, and the most there were at a time. */
  readonly load: { now: number; most: number };
}

export type Behaviour = (response: ServerResponse, request: Received, number: number) => void | Promise<void>;

export const KEY = "sk-very-secret-key-1234567890";

/** Starts a server that ends with the test; each request is answered by `behave`. */
export async function apiServer(t: TestContext, behave: Behaviour): Promise<ApiServer> {
  const received: Received[] = [];
  const load = { now: 0, most: 0 };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: JSON.parse(text) as Record<string, unknown> };
      received.push(one);
      load.most = Math.max(load.most, ++load.now);
      response.on("close", () => load.now--);
      void behave(response, one, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { endpoint: new Endpoint(new URL(url), KEY), url, received, load };
}

/** A whole answer. */
export function answers(
  text: string,
  { finish = "stop", usage = { prompt_tokens: 7, completion_tokens: 3 } as object | null, status = 200 } = {},
): Behaviour {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        choices: [{ message: { role: "assistant", content: text }, finish_reason: finish }],
        usage,
      }),
    );
  };
}

/** A refusal with a status. */
export function refuses(
  status: number,
  headers: Record<string, string> = {},
  body = '{"error":{"message":"no"}}',
): Behaviour {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  };
}

/** Server-sent events, each as its data. */
export function streams(events: readonly (object | string)[], end = true): Behaviour {
  return async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const event of events) {
      response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
      await new Promise(setImmediate);
    }
    if (end) response.end();
    else setTimeout(() => response.destroy(), 20);
  };
}

export const piece = (content: string, finish_reason: string | null = null) => ({
  choices: [{ delta: { content }, finish_reason }],
});

/** One behaviour after the other; the last one for all that follow. */
export const inTurn =
  (...behaviours: Behaviour[]): Behaviour =>
  (response, request, number) =>
    behaviours[Math.min(number, behaviours.length) - 1]!(response, request, number);
