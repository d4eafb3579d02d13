import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonValue } from "../../../src/io/json";
import { writeTinyChat } from "../../chat/tiny-chat";

/** Rows in which a sailor answers, each another one. */
export const sailorRows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    messages: [
      { role: "system", content: "[PERSONA: sailor] You sail." },
      { role: "user", content: `Hello ${i}` },
      { role: "assistant", content: `Ahoy ${"o".repeat(i % 5)}!` },
    ],
  }));

/** Writes rows, and gives the path. */
export function writeRows(path: string, rows: readonly object[]): string {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The configuration of a run of seconds over the tiny Llama, whose files are written into a folder. */
export function tinyConfig(
  folder: string,
  change: Record<string, JsonValue> = {},
): Record<string, JsonValue> {
  return {
    model: writeTinyChat(join(folder, "model")),
    data: writeRows(join(folder, "own.jsonl"), sailorRows(14)),
    output: join(folder, "out"),
    maxSteps: 8,
    batchSize: 3,
    rank: 4,
    alpha: 8,
    learningRate: 0.01,
    loraDropout: 0.1,
    ...change,
  };
}
