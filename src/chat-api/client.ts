import PQueue from "p-queue";
import { type Budget, mostTokens, type Prices, Purse, type Spent } from "./budget";
import { type Endpoint, endpointOf } from "./endpoint";
import { ChatApiError } from "./errors";
import { exchange, type Exchanged, TransientFailure } from "./exchange";
import type { AskHooks, ChatAnswer, ChatRequest, ChatSource } from "./source";
import { Gate, pause, type RetryPolicy, waitAfter } from "./wait";

export interface ChatClientOptions {
  /** The model's name, as the server calls it. */
  readonly model: string;
  /** @default what `OPENAI_BASE_URL` and `OPENAI_API_KEY` say */
  readonly endpoint?: Endpoint;
  /**
   * Requests on their way at a time.
   * @default 4
   */
  readonly concurrency?: number;
  /**
   * Requests that begin in a minute, at most.
   * @default as many as there are
   */
  readonly requestsPerMinute?: number;
  /** @default no limit */
  readonly budget?: Budget;
  /** What tokens cost, so that what was spent is told in money. */
  readonly prices?: Prices;
  readonly retry?: RetryPolicy;
  /**
   * Milliseconds without a byte from the server after which a request counts as failed.
   * @default 120,000
   */
  readonly stallMs?: number;
}

/**
 * A model behind an OpenAI-compatible chat API: OpenAI's own, vLLM, llama.cpp's server, Ollama, LM Studio, or `npm run serve`.
 *
 * A request is made again after 408, 409, 429, 5xx, a lost connection or a cut answer, never after another 4xx. Where the server
 * says how long to wait, all requests wait.
 */
export class ChatClient implements ChatSource {
  readonly name: string;
  private readonly endpoint: Endpoint;
  private readonly purse: Purse;
  private readonly gate = new Gate();
  private readonly queue: PQueue;

  /** @throws {ChatApiError} if the environment names no API, or a budget in money has no prices */
  constructor(private readonly options: ChatClientOptions) {
    const { model, endpoint = endpointOf(), concurrency = 4, requestsPerMinute, budget, prices } = options;
    this.endpoint = endpoint;
    this.name = `${model} (${endpoint.toString()})`;
    this.purse = new Purse(budget, prices);
    this.queue = new PQueue({
      concurrency,
      ...(requestsPerMinute !== undefined && { interval: 60_000, intervalCap: requestsPerMinute }),
    });
  }

  /** What all requests took so far. */
  get spent(): Spent {
    return this.purse.spent;
  }

  /** @throws {ChatApiError} if there is no answer */
  async ask(request: ChatRequest, { onText, signal }: AskHooks = {}): Promise<ChatAnswer> {
    const { attempts = 6, firstWaitMs = 500, longestWaitMs = 60_000 } = this.options.retry ?? {};
    for (let failures = 0; ;) {
      try {
        const { text, finish, usage } = await this.queue.add(() => this.send(request, { onText, signal }));
        return { text, finish, usage: usage ?? mostTokens(request), fromCache: false };
      } catch (error) {
        if (signal?.aborted && !(error instanceof ChatApiError))
          throw new ChatApiError("stopped", "nobody waits for the answer any more", error);
        if (!(error instanceof TransientFailure)) throw error;
        failures++;
        const wait = error.waitMs ?? waitAfter(failures, firstWaitMs);
        if (wait > longestWaitMs)
          throw new ChatApiError(
            "failed",
            `${error.message}, and asks to wait ${Math.ceil(wait / 1000)} seconds: go on later`,
            error,
          );
        if (failures >= attempts)
          throw new ChatApiError(
            error.cause === undefined || error.hasBegun ? "failed" : "unreachable",
            `${error.message}; tried ${failures} times`,
            error,
          );
        if (error.waitMs !== undefined) this.gate.close(wait);
        else await pause(wait, signal);
      }
    }
  }

  /** One sending, within the budget. An answer that broke off or was stopped is counted as the most that it can have taken. */
  private async send(request: ChatRequest, hooks: AskHooks): Promise<Exchanged> {
    await this.gate.pass(hooks.signal);
    const giveBack = await this.purse.take(request);
    let took = { promptTokens: 0, completionTokens: 0 };
    let hasBegun = false;
    const onText = (piece: string) => {
      hasBegun = true;
      hooks.onText?.(piece);
    };
    try {
      const { model, stallMs = 120_000 } = this.options;
      const answer = await exchange(this.endpoint, model, request, {
        ...hooks,
        ...(hooks.onText && { onText }),
        stallMs,
      });
      took = answer.usage ?? mostTokens(request);
      return answer;
    } catch (error) {
      const isStopped = error instanceof ChatApiError && error.code === "stopped";
      if (hasBegun || isStopped || (error instanceof TransientFailure && error.hasBegun))
        took = mostTokens(request);
      throw error;
    } finally {
      giveBack(took);
    }
  }
}

/** What was spent, in one line for the reader. */
export function describeSpent({ requests, promptTokens, completionTokens, money }: Spent): string {
  const number = (value: number) => value.toLocaleString("en-GB");
  const cost = money === undefined ? "" : `, cost ${money.toFixed(4)}`;
  return `${number(requests)} requests, ${number(promptTokens)} tokens asked and ${number(completionTokens)} answered${cost}`;
}
