/** What the kernel's two threads tell each other. The front thread speaks Jupyter; the main thread runs cells. */
import type { InputLink, Question } from "./input";
import type { Content } from "./wire";

/** From the front thread. */
export type Order =
  | { type: "execute"; id: number; code: string; count: number; silent: boolean; input: boolean }
  | { type: "ask"; id: number; what: "complete" | "inspect" | "is_complete"; code: string; cursor: number }
  /** Stop the order `id`; `again` if it was told before. */
  | { type: "interrupt"; id: number; again: boolean }
  | { type: "exit" };

/** To the front thread when the process ends: send what is left, close the sockets, notify `closed`. */
export interface Farewell {
  type: "close";
}

/** From the main thread: an output of the present or last cell, or the answer to an order. */
export type Report =
  | { type: "output"; kind: OutputKind; content: Content; metadata?: Content }
  | { type: "answer"; id: number; content: Content }
  | ({ type: "question" } & Question);

export type OutputKind =
  "stream" | "display_data" | "update_display_data" | "execute_result" | "clear_output" | "error";

/** What lies where in the threads' shared memory. */
export const shared = {
  /** 1 once the front thread has closed its sockets. */
  closed: 0,
  /** The last order that was told to stop. */
  told: 1,
  /** How many interrupts the main thread has read. */
  read: 2,
  /** The last order whose cell has asked for the signal that interrupts abort. */
  listener: 3,
  /** How many cells that asked for it are at work, the answered ones too. */
  listening: 4,
} as const;

/** Milliseconds that a kernel that is to leave waits for work that listens to its signal. */
export const patience = 120_000;

/** Given to the front thread when it starts. */
export interface FrontData {
  connectionFile: string;
  memory: Int32Array;
  input: InputLink;
}
