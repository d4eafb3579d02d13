import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "../io";

/** A request that is not taken, with the status and the words of the API's errors. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** A server of this machine alone. */
export interface LoopbackServer {
  /** `http://127.0.0.1:` and the port. */
  readonly origin: string;
  /** Lets nobody else in, drops those who wait, and ends. */
  readonly close: () => Promise<void>;
}

/** A token that nobody guesses. */
export const drawAccessToken = (): string => randomBytes(24).toString("base64url");

/**
 * Answers requests to 127.0.0.1.
 *
 * @param port 0 takes one that is free
 * @throws {Error} if the port is taken
 */
export async function listenOnLoopback(
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LoopbackServer> {
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${actual}`, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A page elsewhere may resolve its own name to this machine: its requests carry that name. */
export function requireLoopback({ headers }: IncomingMessage): void {
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? ""))
    throw new RequestError(403, "forbidden", "this server answers to 127.0.0.1 and localhost only");
}

/** A page of another origin says so in its requests, unless it asks with GET as a link does. */
export function requireOwnOrigin({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}`)
    throw new RequestError(403, "forbidden", "this server answers to its own page only");
}

/** @param shownBy the command that shows the token */
export function requireToken({ headers }: IncomingMessage, token: string, shownBy: string): void {
  const [, given = ""] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? [];
  if (!timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(token))))
    throw new RequestError(
      401,
      "invalid_api_key",
      `the token is missing or another one: send Authorization: Bearer TOKEN, as ${shownBy} shows it`,
      { "www-authenticate": "Bearer" },
    );
}

export function requireMethod({ method }: IncomingMessage, expected: string): void {
  if (method !== expected)
    throw new RequestError(405, "invalid_request_error", `the method here is ${expected}, not ${method}`, {
      allow: expected,
    });
}

/** A request's body as text, of so many bytes at most. */
export async function bodyOf(request: IncomingMessage, limit: number): Promise<string> {
  const tooLarge = () =>
    new RequestError(413, "invalid_request_error", `the body has more than ${limit} bytes`, {
      connection: "close",
    });
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
