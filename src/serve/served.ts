import { randomUUID } from "node:crypto";
import type { ChatForm, ChatPrompt } from "../chat";
import { mostNewTokens } from "../chat";
import type { AdapterSet, GenerativeModel } from "../models";
import type { ChatMessage, Tokenizer } from "../models/tokenizer";
import { type AnswerPiece, AnswerInTheMaking } from "./answer";
import { Batches, type BatchesOptions } from "./batches";
import { RequestError } from "./loopback";
import type { CompletionRequest } from "./request";

/** A model to serve. */
export interface ServedModel {
  /** What requests call it. */
  readonly name: string;
  readonly generator: GenerativeModel;
  readonly tokenizer: Tokenizer;
  readonly form: ChatForm;
  /** Adapters of it, which requests name as models of their own. */
  readonly adapters?: AdapterSet;
}

/** A whole answer. */
export interface Completion {
  readonly id: string;
  readonly answer: AnswerInTheMaking;
  readonly promptTokens: number;
}

/** Answers requests with one model and its adapters. */
export class Served {
  private readonly batches: Batches;

  constructor(
    private readonly model: ServedModel,
    options: Omit<BatchesOptions, "use"> = {},
  ) {
    const { generator, adapters } = model;
    this.batches = new Batches(generator, {
      ...options,
      use: (adapter) => adapters?.use(adapter === undefined ? {} : { [adapter]: 1 }),
    });
  }

  /** What requests may name. */
  get names(): readonly string[] {
    return [this.model.name, ...(this.model.adapters?.names ?? [])];
  }

  get load(): { waiting: number; running: number } {
    return this.batches.load;
  }

  /**
   * Answers a request, unless nobody waits any more.
   *
   * @param onPiece told of each piece as it comes
   * @throws {RequestError} if the model is not here, the messages do not fit it, or it is asked for what cannot be
   * @throws {QueueFull} if too many wait
   */
  async complete(
    request: CompletionRequest,
    signal: AbortSignal,
    onPiece?: (piece: AnswerPiece) => void,
  ): Promise<Completion> {
    const { generator, tokenizer, form } = this.model;
    const adapter = this.adapterOf(request.model);
    const prompt = this.promptOf(request.messages);
    const asked = request.max_completion_tokens ?? request.max_tokens;
    const room = form.limit - prompt.length;
    if (room < 1 || (asked ?? 1) > room)
      throw new RequestError(
        400,
        "context_length_exceeded",
        `the messages take ${prompt.length} tokens and the answer up to ${asked ?? "one or more"}; the model's context has ${form.limit}`,
      );
    const answer = new AnswerInTheMaking(
      tokenizer,
      {
        temperature: request.temperature ?? 1,
        topP: request.top_p ?? 1,
        seed: request.seed ?? 0,
        stops: [...form.stops, ...(request.stop ?? [])],
        stopTokenIds: [...new Set([...generator.stopTokenIds, tokenizer.eosId])],
        topLogprobs: request.logprobs ? (request.top_logprobs ?? 0) : undefined,
      },
      onPiece,
    );
    const job = {
      prompt,
      maxNewTokens: asked ?? Math.min(room, mostNewTokens(form, Infinity)),
      adapter,
      signal,
      next: (logits: Float32Array) => answer.next(logits),
    };
    await this.batches.run(job);
    answer.finish();
    return { id: `chatcmpl-${randomUUID()}`, answer, promptTokens: prompt.length };
  }

  private adapterOf(name: string): string | undefined {
    if (name === this.model.name) return undefined;
    if (this.model.adapters?.names.includes(name)) return name;
    throw new RequestError(
      404,
      "model_not_found",
      `there is no model ${JSON.stringify(name)} here: there is ${this.names.join(", ")}`,
    );
  }

  private promptOf(messages: readonly ChatMessage[]): ChatPrompt {
    for (const { content } of messages) {
      const [token] = this.model.tokenizer.unshownTokensIn(content);
      if (token !== undefined)
        throw new RequestError(
          400,
          "invalid_request_error",
          `a message spells out ${token}, a control token of this model: write it otherwise`,
        );
    }
    try {
      return this.model.form.messages(messages);
    } catch (error) {
      throw new RequestError(400, "invalid_request_error", (error as Error).message);
    }
  }
}
