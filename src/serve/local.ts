import { ChatApiError, type ChatSource } from "../chat-api";
import { QueueFull } from "./batches";
import { RequestError } from "./loopback";
import type { Served } from "./served";

/**
 * A model of this project as somebody to ask, in this process: requests that are made at a time are answered in batches. Small
 * models keep to no schema: what is asked for one is answered as it comes, and `askFor` says what does not fit.
 *
 * @param name of the model, or of one of its adapters
 */
export function localSource(served: Served, name: string = served.names[0]!): ChatSource {
  return {
    name: `${name} (in this process)`,
    async ask(request, { onText, signal = new AbortController().signal } = {}) {
      try {
        const { answer, promptTokens } = await served.complete(
          {
            model: name,
            messages: [...request.messages],
            max_tokens: request.maxTokens,
            temperature: request.temperature ?? 0,
            top_p: request.topP ?? 1,
            seed: request.seed ?? 0,
            stop: [...(request.stop ?? [])],
          },
          signal,
          onText && (({ text }) => onText(text)),
        );
        if (signal.aborted) throw new ChatApiError("stopped", "nobody waits for the answer any more");
        return {
          text: answer.text,
          finish: answer.ended ? "stop" : "length",
          usage: { promptTokens, completionTokens: answer.tokens },
          fromCache: false,
        };
      } catch (error) {
        if (error instanceof RequestError) throw new ChatApiError("refused", error.message, error);
        if (error instanceof QueueFull) throw new ChatApiError("failed", error.message, error);
        throw error;
      }
    },
  };
}
