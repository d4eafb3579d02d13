/** What the kernel's two threads tell each other. The front thread speaks Jupyter; the main thread runs cells. */
import type { InputLink, Question } from "./input";
import type { Content } from "./wire";

/** From the front thread. */
export type Order =
  | { type: "execute"; id: number; code: string; count: number; silent: boolean; input: boolean }
  | { type: "ask"; id: number; what: "complete" | "inspect" | "is_complete"; code: string; cursor: number }
  | { type: "interrupt"; id: number }
  | { type: "exit" };

/** To the front thread when the process ends: send what is left, close the sockets, notify `closed`. */
export interface Farewell {
  type: "close";
}

/** From the main thread: an output of the present or last cell, or the answer to an order. */
export type Report =
  | { type: "output"; kind: OutputKind; content: Content; metadata?: Content }
  | { type: "answer"; id: number; content: Content }
  | ({ type: "question" } & Question)
  | { type: "interrupted" };

export type OutputKind =
  "stream" | "display_data" | "update_display_data" | "execute_result" | "clear_output" | "error";

/** Index in the threads' shared memory: what the main thread is at. */
export const at = 0;
/** Index in the threads' shared memory: 1 once the front thread has closed its sockets. */
export const closed = 1;

/** Values of `at`. */
export const idle = 0;
/** In tslab's compiler, which must not be cut off half-way. */
export const compiling = 1;
/** In a cell's own code. */
export const running = 2;

/** Given to the front thread when it starts. */
export interface FrontData {
  connectionFile: string;
  shared: Int32Array;
  input: InputLink;
}
