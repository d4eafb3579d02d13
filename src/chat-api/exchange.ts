import { createParser } from "eventsource-parser";
import type { EnvHttpProxyAgent, Response } from "undici";
import { z } from "zod";
import { shorten } from "../text";
import type { Endpoint } from "./endpoint";
import { KEY_VARIABLE } from "./endpoint";
import { ChatApiError } from "./errors";
import { type AskHooks, type ChatRequest, type TokenUsage, wholeRequest } from "./source";
import { askedWait } from "./wait";

/** What one exchange with a server gave. */
export interface Exchanged {
  readonly text: string;
  readonly finish: "stop" | "length";
  /** Undefined where the server does not count. */
  readonly usage: TokenUsage | undefined;
}

/** A failure that may pass when the request is made again. */
export class TransientFailure extends Error {
  /** Milliseconds that the server asks to wait. */
  readonly waitMs: number | undefined;
  /** Whether the server had begun to answer, so that tokens may have been used and none were counted. */
  readonly hasBegun: boolean;

  constructor(
    message: string,
    { waitMs, hasBegun = false, cause }: { waitMs?: number; hasBegun?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.waitMs = waitMs;
    this.hasBegun = hasBegun;
  }
}

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read, and undici is loaded, when the first request is made. */
let agent: EnvHttpProxyAgent | undefined;

/** Bytes of an answer; no answer in tokens that anybody asks for is longer. */
const LONGEST_ANSWER = 16 * 2 ** 20;

/**
 * Sends a request to `POST {base}/chat/completions` and reads the answer, as one JSON value or, where pieces are wished for, as
 * a stream of server-sent events. Redirects are not followed: they would take the key elsewhere.
 *
 * @throws {TransientFailure} for 408, 409, 429, 5xx, a lost connection, silence, and an answer that is cut
 * @throws {ChatApiError} for everything else that is no answer
 */
export async function exchange(
  endpoint: Endpoint,
  model: string,
  request: ChatRequest,
  { onText, signal, stallMs }: AskHooks & { readonly stallMs: number },
): Promise<Exchanged> {
  const undici = await import("undici");
  agent ??= new undici.EnvHttpProxyAgent();
  const stall = new StallTimer(stallMs);
  const url = endpoint.url("chat/completions");
  let hasBegun = false;
  try {
    const response = await undici.fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: onText ? "text/event-stream" : "application/json",
        "user-agent": "persona-dialogue-notebooks",
        ...endpoint.authorization(),
      },
      body: JSON.stringify(body(model, request, onText !== undefined)),
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
      dispatcher: agent,
    });
    if (!response.ok) throw await statusError(response, endpoint, model);
    hasBegun = true;
    const isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
    const read = isStream ? readStream(response, stall, onText) : readWhole(response, stall, onText);
    return safe(await read, endpoint);
  } catch (error) {
    if (signal?.aborted) throw new ChatApiError("stopped", "nobody waits for the answer any more", error);
    if (error instanceof ChatApiError || error instanceof TransientFailure) throw error;
    const what = stall.signal.aborted
      ? `was silent for ${stallMs / 1000} seconds`
      : `${hasBegun ? "broke off" : "cannot be reached"} (${reasonOf(error)})`;
    throw new TransientFailure(`${url.host} ${what}`, { hasBegun, cause: error });
  } finally {
    stall.end();
  }
}

/** A request in the API's words. A schema is strict: the server keeps the model to it. */
function body(model: string, request: ChatRequest, isStream: boolean): Record<string, unknown> {
  const { messages, maxTokens, temperature, topP, seed, stop, schema } = wholeRequest(request);
  return {
    model,
    messages,
    max_tokens: maxTokens,
    temperature,
    top_p: topP,
    seed,
    ...(stop.length > 0 && { stop }),
    ...(schema && {
      response_format: { type: "json_schema", json_schema: { ...schema, strict: true } },
    }),
    ...(isStream && { stream: true, stream_options: { include_usage: true } }),
  };
}

const usageSchema = z.object({
  prompt_tokens: z.number().nonnegative(),
  completion_tokens: z.number().nonnegative(),
});
const finishSchema = z.string().nullish();
const answerSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: finishSchema,
      }),
    )
    .min(1),
  usage: usageSchema.nullish(),
});
const pieceSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
        finish_reason: finishSchema,
      }),
    )
    .nullish(),
  usage: usageSchema.nullish(),
  error: z.unknown().optional(),
});

/** The text of a body, piece by piece. */
async function* pieces(response: Response, stall: StallTimer): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    stall.alive();
    bytes += (chunk as Uint8Array).length;
    if (bytes > LONGEST_ANSWER)
      throw new ChatApiError("malformed", `the answer is longer than ${LONGEST_ANSWER / 2 ** 20} MB`);
    yield decoder.decode(chunk as Uint8Array, { stream: true });
  }
  yield decoder.decode();
}

async function readWhole(
  response: Response,
  stall: StallTimer,
  onText: AskHooks["onText"],
): Promise<Exchanged> {
  let text = "";
  for await (const piece of pieces(response, stall)) text += piece;
  const { host } = new URL(response.url);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (/^\s*</.test(text))
      throw new ChatApiError(
        "malformed",
        `${host}: a web page came instead of an answer: ${shorten(text, 80)}`,
      );
    throw new TransientFailure(`${host} sent an answer that is cut or no JSON`, {
      hasBegun: true,
      cause: error,
    });
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success)
    throw new ChatApiError(
      "malformed",
      `${host}: what came is no answer of a chat API: ${shorten(text, 160)}`,
      parsed.error,
    );
  const { message, finish_reason } = parsed.data.choices[0]!;
  const answer = ended(message.content ?? "", message.refusal ?? "", finish_reason, parsed.data.usage, host);
  onText?.(answer.text);
  return answer;
}

async function readStream(
  response: Response,
  stall: StallTimer,
  onText: AskHooks["onText"],
): Promise<Exchanged> {
  const { host } = new URL(response.url);
  let text = "";
  let refusal = "";
  let finish: string | undefined;
  let usage: z.infer<typeof usageSchema> | undefined;
  let isDone = false;
  const parser = createParser({
    onEvent({ data }) {
      if (data === "[DONE]") return void (isDone = true);
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch (error) {
        throw new ChatApiError("malformed", `${host}: an event is no JSON: ${shorten(data, 80)}`, error);
      }
      const parsed = pieceSchema.safeParse(value);
      if (!parsed.success || parsed.data.error !== undefined)
        throw new ChatApiError("failed", `${host} failed while it answered: ${shorten(data, 160)}`);
      const [choice] = parsed.data.choices ?? [];
      const piece = choice?.delta?.content ?? "";
      text += piece;
      refusal += choice?.delta?.refusal ?? "";
      finish = choice?.finish_reason ?? finish;
      usage = parsed.data.usage ?? usage;
      if (piece !== "") onText?.(piece);
    },
  });
  try {
    for await (const piece of pieces(response, stall)) parser.feed(piece);
  } catch (error) {
    throw begun(text, error);
  }
  if (finish === undefined && !isDone)
    throw begun(
      text,
      new TransientFailure(`${host} broke off in the middle of an answer`, { hasBegun: true }),
    );
  return ended(text, refusal, finish, usage, host);

  /** What was shown cannot be taken back, so a stream that has begun is not tried again. */
  function begun(text: string, error: unknown): unknown {
    if (text === "" || !onText || error instanceof ChatApiError) return error;
    return new ChatApiError(
      "failed",
      `${host} broke off in the middle of an answer (${reasonOf(error)}): ask again`,
      error,
    );
  }
}

function ended(
  text: string,
  refusal: string,
  finish: string | null | undefined,
  usage: z.infer<typeof usageSchema> | null | undefined,
  host: string,
): Exchanged {
  if (refusal !== "" || finish === "content_filter")
    throw new ChatApiError(
      "declined",
      `${host}: the model declined to answer${refusal === "" ? "" : `: ${shorten(refusal, 160)}`}`,
    );
  return {
    text,
    finish: finish === "length" ? "length" : "stop",
    usage: usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : undefined,
  };
}

const safe = (answer: Exchanged, endpoint: Endpoint): Exchanged => ({
  ...answer,
  text: endpoint.without(answer.text),
});

/** The error for a status that is no success. */
async function statusError(
  response: Response,
  endpoint: Endpoint,
  model: string,
): Promise<ChatApiError | TransientFailure> {
  const { status, headers } = response;
  const { host } = endpoint.base;
  const said = endpoint.without(await saidBy(response));
  const because = said === "" ? "" : `: ${said}`;
  if (status === 408 || status === 409 || status === 429 || status >= 500)
    return new TransientFailure(`${host} answered ${status}${because}`, { waitMs: askedWait(headers) });
  if (status >= 300 && status < 400)
    return new ChatApiError(
      "refused",
      `${host} redirects elsewhere (${status}), which is not followed: name the address itself`,
    );
  if (status === 401 || status === 403) {
    const advice = endpoint.hasKey
      ? `the key in ${KEY_VARIABLE} is not taken`
      : `set ${KEY_VARIABLE} to a key`;
    return new ChatApiError("unauthorized", `${host} answered ${status}${because}; ${advice}`);
  }
  if (status === 404)
    return new ChatApiError(
      "refused",
      `${host} answered 404${because}; it has no model ${model}, or ${endpoint.toString()} is not the API's address, which often ends with /v1`,
    );
  return new ChatApiError("refused", `${host} answered ${status}${because}`);
}

/** What a server says of its refusal, in one line. */
async function saidBy(response: Response): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString("utf8");
      if (text.length > 4096) break;
    }
    const value = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown };
    const message = typeof value.error === "string" ? value.error : (value.error?.message ?? value.message);
    if (typeof message === "string") text = message;
  } catch {
    if (/^\s*</.test(text)) text = "";
  }
  return shorten(text.replace(/\s+/g, " ").trim(), 200);
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code } = (cause ?? {}) as { code?: string };
  return code ?? (cause instanceof Error ? cause.message : message);
}

/** Aborts its signal when nothing has come for a while. */
class StallTimer {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  readonly signal = this.controller.signal;

  constructor(private readonly ms: number) {
    this.alive();
  }

  alive(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(), this.ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}
