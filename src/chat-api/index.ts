/** Whom to ask: models behind the chat API that everybody serves, with cache and budget, and what others must be to be asked. */
export * from "./budget";
export * from "./cache";
export * from "./client";
export * from "./endpoint";
export * from "./errors";
export * from "./parsed";
export * from "./source";
export type { RetryPolicy } from "./wait";
