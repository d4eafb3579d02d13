import { sep } from "node:path";

/** Something that was asked of the engine and cannot be done; the message says what, where and what to do instead. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

/** ` (at FILE:LINE)` of the code that called the engine or TensorFlow.js, from the stack of `error`; empty if unknown. */
export function callSite(error = new Error()): string {
  const inner = [
    `${sep}node_modules${sep}`,
    `${sep}src${sep}engine${sep}`,
    "node:internal",
    `${sep}tfjs-core${sep}`,
  ];
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const frame = frames.find((line) => !inner.some((part) => line.includes(part)));
  const place = frame?.match(/((?:\/|[A-Za-z]:|file:)[^()]*:\d+):\d+\)?$/)?.[1];
  return place ? ` (at ${place})` : "";
}

/** Runs `body` with room in error stacks to reach the caller's code through TensorFlow.js' layers. */
export function withDeepStacks<T>(body: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 60;
  try {
    return body();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
