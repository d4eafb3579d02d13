/** Why a file could not be had. */
export type HubErrorCode =
  | "invalid"
  | "offline"
  | "unauthorized"
  | "forbidden"
  | "not found"
  | "interrupted"
  | "checksum"
  | "disk full"
  | "refused";

/** A download that failed, with what to do about it. */
export class HubError extends Error {
  override name = "HubError";

  constructor(
    readonly code: HubErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
