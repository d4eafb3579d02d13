/** Somebody who can be asked: a remote model behind a chat API, a local one, or a cache before either. */

/** One message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What is asked. */
export interface ChatRequest {
  readonly messages: readonly Message[];
  /** The most tokens of the answer. */
  readonly maxTokens: number;
  /**
   * 0 takes the likeliest token each time.
   * @default 0
   */
  readonly temperature?: number;
  /** @default 1 */
  readonly topP?: number;
  /**
   * Equal seeds give equal answers, as far as whoever answers keeps to it.
   * @default 0
   */
  readonly seed?: number;
  /**
   * Texts that end the answer; it goes without them.
   * @default none
   */
  readonly stop?: readonly string[];
  /** What the answer must be, if it must be JSON. */
  readonly schema?: AnswerSchema;
}

/** A JSON schema under a name of letters, digits, `_` and `-`. */
export interface AnswerSchema {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Tokens, as whoever answers counts them. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ChatAnswer {
  readonly text: string;
  /** Whether it ended by itself or at its most tokens. */
  readonly finish: "stop" | "length";
  /** What it took; of a cached answer what it took then. */
  readonly usage: TokenUsage;
  readonly fromCache: boolean;
}

export interface AskHooks {
  /** Given the text piece by piece, as it comes. */
  readonly onText?: (piece: string) => void;
  /** Stops waiting for the answer. */
  readonly signal?: AbortSignal;
}

export interface ChatSource {
  /** Who answers, for tables and manifests: the model, and where it runs. */
  readonly name: string;
  /** @throws {ChatApiError} if there is no answer, with its reason and what to do */
  ask(request: ChatRequest, hooks?: AskHooks): Promise<ChatAnswer>;
}

/** A request with every default filled in, in a fixed order: what makes two requests the same. */
export function wholeRequest(request: ChatRequest): Required<Omit<ChatRequest, "schema">> & {
  schema: AnswerSchema | null;
} {
  const { messages, maxTokens, temperature = 0, topP = 1, seed = 0, stop = [], schema = null } = request;
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    maxTokens,
    temperature,
    topP,
    seed,
    stop,
    schema,
  };
}
