import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnswerPiece } from "./answer";
import { QueueFull } from "./batches";
import {
  bodyOf,
  drawAccessToken,
  listenOnLoopback,
  requireLoopback,
  requireMethod,
  requireToken,
  RequestError,
  sendJson,
} from "./loopback";
import { parseCompletionRequest } from "./request";
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
  const { port = 0, token = drawAccessToken(), bodyLimit = 2 ** 20 } = options;
  const created = Math.floor(Date.now() / 1000);
  const { origin, close } = await listenOnLoopback(port, (request, response) => {
    answer(served, request, response, { token, bodyLimit, created }).catch((error: unknown) =>
      sendError(response, error),
    );
  });
  return { url: `${origin}/v1`, token, close };
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
  requireToken(request, token, "npm run serve");
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
