import { setTimeout as sleep } from "node:timers/promises";
import { ChatApiError } from "./errors";

/** How often a request is made, and how long is waited in between. */
export interface RetryPolicy {
  /**
   * Times in all.
   * @default 6
   */
  readonly attempts?: number;
  /**
   * Milliseconds after the first failure; they double with each further one, up to eight seconds. A quarter is left to chance.
   * @default 500
   */
  readonly firstWaitMs?: number;
  /**
   * The longest wait that a server may ask for.
   * @default 60,000
   */
  readonly longestWaitMs?: number;
}

const LONGEST_OWN_WAIT_MS = 8000;

/** How long to wait after failure number `failures` (from 1), where the server does not say. */
export function waitAfter(failures: number, firstWaitMs: number): number {
  const full = Math.min(firstWaitMs * 2 ** (failures - 1), LONGEST_OWN_WAIT_MS);
  return full * (1 - 0.25 * Math.random());
}

/** Milliseconds that a server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function askedWait(
  headers: { get(name: string): string | null },
  now: number = Date.now(),
): number | undefined {
  const milliseconds = headers.get("retry-after-ms");
  if (milliseconds !== null && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds);
  const after = headers.get("retry-after");
  if (after === null) return undefined;
  if (/^\d+(\.\d+)?$/.test(after)) return Number(after) * 1000;
  const date = /^[A-Z][a-z]{2}, /.test(after) ? Date.parse(after) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Waits so long, unless nobody waits for the answer any more. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (cause) {
    throw new ChatApiError("stopped", "nobody waits for the answer any more", cause);
  }
}

/** A door that a server's wish to wait closes for all requests, not for the one that heard it alone. */
export class Gate {
  private opensAt = 0;

  /** Keeps the door closed for so long from now on. */
  close(milliseconds: number): void {
    this.opensAt = Math.max(this.opensAt, performance.now() + milliseconds);
  }

  /** Waits until it is open. */
  async pass(signal?: AbortSignal): Promise<void> {
    for (let left = this.left(); left > 0; left = this.left()) await pause(left, signal);
  }

  private readonly left = () => Math.ceil(this.opensAt - performance.now());
}
