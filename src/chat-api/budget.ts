import { ChatApiError } from "./errors";
import type { ChatRequest, TokenUsage } from "./source";

/** What may be spent. No request is sent that could exceed it. */
export interface Budget {
  /** Requests that are sent, repeated ones included. */
  readonly requests?: number;
  /** Tokens of prompts and answers together. */
  readonly tokens?: number;
  /** In the currency of the prices. */
  readonly money?: number;
}

/** Money for a million tokens. */
export interface Prices {
  readonly prompt: number;
  readonly completion: number;
}

/** What was spent. */
export interface Spent {
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Undefined without prices. */
  readonly money: number | undefined;
}

/** Somebody who is asked and counts what that takes, as `ChatClient` does. */
export interface AskedSource {
  readonly name: string;
  readonly spent: Spent;
}

/** What was spent between two counts. */
export function spentSince(before: Spent, now: Spent): Spent {
  return {
    requests: now.requests - before.requests,
    promptTokens: now.promptTokens - before.promptTokens,
    completionTokens: now.completionTokens - before.completionTokens,
    money: now.money === undefined ? undefined : now.money - (before.money ?? 0),
  };
}

const MILLION = 1e6;
/** Tokens around a message's text, in any template. */
const TOKENS_AROUND = 16;

/** The most tokens that a request can take: a token stands for one byte of text at least. */
export function mostTokens({ messages, maxTokens, schema }: ChatRequest): TokenUsage {
  const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + TOKENS_AROUND, 0);
  const schemaBytes = schema === undefined ? 0 : Buffer.byteLength(JSON.stringify(schema));
  return { promptTokens: bytes + schemaBytes + TOKENS_AROUND, completionTokens: maxTokens };
}

/**
 * Holds requests to a budget. Each reserves the most that it can take and gives back what it did not take, so that what is spent
 * never exceeds the budget; one that does not fit waits until those on their way have given back.
 */
export class Purse {
  private requests = 0;
  private used: TokenUsage = { promptTokens: 0, completionTokens: 0 };
  private readonly reserved = new Set<TokenUsage>();
  private waiting: (() => void)[] = [];

  /** @throws {ChatApiError} if money is limited and nothing has a price, or a limit is no number from 0 */
  constructor(
    private readonly budget: Budget = {},
    private readonly prices?: Prices,
  ) {
    for (const [what, limit] of Object.entries(budget) as [string, number | undefined][])
      if (limit !== undefined && !(limit >= 0))
        throw new ChatApiError("settings", `the budget's ${what} must be a number from 0, not ${limit}`);
    if (budget.money !== undefined && !prices)
      throw new ChatApiError("settings", "a budget in money needs prices: give both for a million tokens");
  }

  get spent(): Spent {
    return { requests: this.requests, ...this.used, money: this.cost(this.used) };
  }

  /**
   * Takes out what one sending of a request can take at most.
   *
   * @returns what gives back: to be called once, with what it took
   * @throws {ChatApiError} if the budget does not hold it
   */
  async take(request: ChatRequest): Promise<(took: TokenUsage) => void> {
    const most = mostTokens(request);
    let exceeded = this.exceededBy(most);
    while (exceeded !== undefined && this.reserved.size > 0) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      exceeded = this.exceededBy(most);
    }
    if (exceeded !== undefined) throw new ChatApiError("budget", `the budget is spent: ${exceeded}`);
    this.requests++;
    this.reserved.add(most);
    return (took) => {
      this.reserved.delete(most);
      this.used = sum([this.used, took]);
      const waiting = this.waiting;
      this.waiting = [];
      for (const wake of waiting) wake();
    };
  }

  private cost({ promptTokens, completionTokens }: TokenUsage): number | undefined {
    if (!this.prices) return undefined;
    return (promptTokens * this.prices.prompt + completionTokens * this.prices.completion) / MILLION;
  }

  /** What a further request of at most so many tokens would exceed, in words. */
  private exceededBy(most: TokenUsage): string | undefined {
    const held = sum([this.used, ...this.reserved, most]);
    const { requests = Infinity, tokens = Infinity, money = Infinity } = this.budget;
    const next = `the next request may take ${most.promptTokens + most.completionTokens} tokens`;
    if (this.requests + 1 > requests) return `${this.requests} of ${requests} requests are made`;
    if (held.promptTokens + held.completionTokens > tokens)
      return `${this.used.promptTokens + this.used.completionTokens} of ${tokens} tokens are used, and ${next}`;
    if ((this.cost(held) ?? 0) > money)
      return `${this.cost(this.used)!.toFixed(4)} of ${money} are paid, and ${next}`;
    return undefined;
  }
}

const sum = (parts: readonly TokenUsage[]): TokenUsage => ({
  promptTokens: parts.reduce((total, { promptTokens }) => total + promptTokens, 0),
  completionTokens: parts.reduce((total, { completionTokens }) => total + completionTokens, 0),
});
