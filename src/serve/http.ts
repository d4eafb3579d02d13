import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "../io";
import type { AnswerPiece } from "./answer";
import { QueueFull } from "./batches";
import { parseCompletionRequest, RequestError } from "./request";
import type { Completion, Served } from "./served";

export interface ServerOptions {
  /**
   * 0 takes one that is free.
   * @default 0
   */
  readonly port?: number;
  /**
   * What requests must bring as `Authorization: Bearer …`.
   * @default one drawn anew
   */
  readonly token?: string;
  /**
   * The most bytes of a request's body.
   * @default 1 MiB
   */
  readonly bodyLimit?: number;
}

export interface RunningServer {
  /** What clients take for their base URL. */
  readonly url: string;
  readonly token: string;
  /** Lets nobody else in, drops those who wait, and ends. */
  close(): Promise<void>;
}

/** Seconds after which a client that found the queue full may come again. */
const RETRY_AFTER = 1;

/** Serves a model as OpenAI's chat API, to this machine alone: on loopback, for those who have the token. */
export async function startServer(served: Served, options: ServerOptions = {}): Promise<RunningServer> {
  const { port = 0, token = randomBytes(24).toString("base64url"), bodyLimit = 2 ** 20 } = options;
  const created = Math.floor(Date.now() / 1000);
  const server = createServer((request, response) => {
    answer(served, request, response, { token, bodyLimit, created }).catch((error: unknown) =>
      sendError(response, error),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${actual}/v1`, token, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

interface Given {
  readonly token: string;
  readonly bodyLimit: number;
  readonly created: number;
}

async function answer(
  served: Served,
  request: IncomingMessage,
  response: ServerResponse,
  { token, bodyLimit, created }: Given,
): Promise<void> {
  requireLoopback(request);
  requireToken(request, token);
  const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
  if (path === "/v1/models") {
    requireMethod(request, "GET");
    const data = served.names.map((id) => ({ id, object: "model", created, owned_by: "local" }));
    return sendJson(response, 200, { object: "list", data });
  }
  if (path !== "/v1/chat/completions")
    throw new RequestError(
      404,
      "not_found",
      `there is nothing at ${path}: there is /v1/chat/completions and /v1/models`,
    );
  requireMethod(request, "POST");
  const asked = parseCompletionRequest(await bodyOf(request, bodyLimit));
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const base = { created: Math.floor(Date.now() / 1000), model: asked.model };
  if (!asked.stream) {
    const completion = await served.complete(asked, gone.signal);
    if (gone.signal.aborted) return;
    return sendJson(response, 200, whole(completion, base));
  }
  const stream = new EventStream(response, base);
  const completion = await served.complete(asked, gone.signal, (piece) => stream.piece(piece));
  if (gone.signal.aborted) return;
  stream.end(completion, asked.stream_options?.include_usage ?? false);
}

/** A page elsewhere may resolve its own name to this machine: its requests carry that name. */
function requireLoopback({ headers }: IncomingMessage): void {
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? ""))
    throw new RequestError(403, "forbidden", "this server answers to 127.0.0.1 and localhost only");
}

function requireToken({ headers }: IncomingMessage, token: string): void {
  const [, given = ""] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? [];
  if (!timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(token))))
    throw new RequestError(
      401,
      "invalid_api_key",
      "the token is missing or another one: send Authorization: Bearer TOKEN, as npm run serve shows it",
      { "www-authenticate": "Bearer" },
    );
}

function requireMethod({ method }: IncomingMessage, expected: string): void {
  if (method !== expected)
    throw new RequestError(405, "invalid_request_error", `the method here is ${expected}, not ${method}`, {
      allow: expected,
    });
}

async function bodyOf(request: IncomingMessage, limit: number): Promise<string> {
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

interface Base {
  readonly created: number;
  readonly model: string;
}

const finishOf = ({ answer }: Completion) => (answer.ended ? "stop" : "length");
const usageOf = ({ promptTokens, answer }: Completion) => ({
  prompt_tokens: promptTokens,
  completion_tokens: answer.tokens,
  total_tokens: promptTokens + answer.tokens,
});

function whole(completion: Completion, base: Base): object {
  const { id, answer } = completion;
  const message = { role: "assistant", content: answer.text, refusal: null };
  const logprobs = answer.logprobs.length > 0 ? { content: answer.logprobs, refusal: null } : null;
  return {
    id,
    object: "chat.completion",
    ...base,
    choices: [{ index: 0, message, logprobs, finish_reason: finishOf(completion) }],
    usage: usageOf(completion),
  };
}

/** Server-sent events; the head goes out with the first, so that a request that is not taken still has its status. */
class EventStream {
  private readonly id = `chatcmpl-${randomBytes(12).toString("hex")}`;

  constructor(
    private readonly response: ServerResponse,
    private readonly base: Base,
  ) {}

  piece({ text, logprob }: AnswerPiece): void {
    const logprobs = logprob ? { content: [logprob], refusal: null } : null;
    this.choice({ content: text }, null, logprobs);
  }

  end(completion: Completion, withUsage: boolean): void {
    this.choice({}, finishOf(completion), null);
    if (withUsage) this.send({ choices: [], usage: usageOf(completion) });
    this.response.end("data: [DONE]\n\n");
  }

  private choice(delta: object, finish_reason: string | null, logprobs: object | null): void {
    const role = this.response.headersSent ? {} : { role: "assistant" };
    this.send({ choices: [{ index: 0, delta: { ...role, ...delta }, logprobs, finish_reason }] });
  }

  private send(event: object): void {
    if (!this.response.headersSent)
      this.response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
      });
    const whole = { id: this.id, object: "chat.completion.chunk", ...this.base, ...event };
    this.response.write(`data: ${JSON.stringify(whole)}\n\n`);
  }
}

function sendJson(
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

function sendError(response: ServerResponse, error: unknown): void {
  const { status, type, message, headers } = asRequestError(error);
  const value = { error: { message, type, code: type, param: null } };
  if (response.destroyed) return;
  if (!response.headersSent) return sendJson(response, status, value, headers);
  response.end(`data: ${JSON.stringify(value)}\n\n`);
}

function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof QueueFull)
    return new RequestError(429, "rate_limit_exceeded", `${error.message}: come again later`, {
      "retry-after": String(RETRY_AFTER),
    });
  return new RequestError(500, "server_error", (error as Error).message);
}
