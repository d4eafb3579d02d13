/** Why there is no answer. */
export type ChatApiErrorCode =
  /** What is set for the API cannot be. */
  | "settings"
  /** Nobody answers at the address, or not in time. */
  | "unreachable"
  /** The key is missing or not taken. */
  | "unauthorized"
  /** The server does not take this request. */
  | "refused"
  /** The server failed, or asked to wait, more often than is tried. */
  | "failed"
  /** What came is no answer of a chat API. */
  | "malformed"
  /** The model, or a filter before it, declined to answer. */
  | "declined"
  /** The budget does not hold this request. */
  | "budget"
  /** The caller stopped waiting. */
  | "stopped";

/** A request without an answer, with what to do about it. */
export class ChatApiError extends Error {
  override name = "ChatApiError";

  constructor(
    readonly code: ChatApiErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
