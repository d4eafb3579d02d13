import { sep } from "node:path";

/** Something that was asked of the engine and cannot be done; the message says what, where and what to do instead. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

/** ` (at FILE:LINE)` of the code that called a TensorFlow.js operation or the engine; empty where it is not known. */
export function callSite(): string {
  const frames = new Error().stack?.split("\n").slice(1) ?? [];
  const inner = [`${sep}node_modules${sep}`, `${sep}src${sep}engine${sep}`, "node:internal"];
  const frame = frames.find((line) => !inner.some((part) => line.includes(part)));
  const place = frame?.match(/\(?((?:\/|[A-Za-z]:|file:)[^()]*:\d+):\d+\)?$/)?.[1];
  return place ? ` (at ${place})` : "";
}
